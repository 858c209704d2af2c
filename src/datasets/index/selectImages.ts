import { assertNever } from '../../shared/assertNever';
import { nameAt, nameTable, type SplitTable } from '../table';

/** Returns a table with some of another table's images, in the order of `images`. */
export function selectImages(table: SplitTable, images: Uint32Array): SplitTable {
  const labels = select(table.labels, images, Uint32Array);
  switch (table.kind) {
    case 'files':
      return { ...table, labels, names: nameTable(namesOf(table, images)) };
    case 'ranges':
      return {
        ...table,
        labels,
        names: nameTable(namesOf(table, images)),
        file: select(table.file, images, Uint32Array),
        offset: select(table.offset, images, Float64Array),
        length: select(table.length, images, Uint32Array),
      };
    case 'pixels': {
      const size = table.height * table.width * table.channels;
      const pixels = new Uint8Array(new SharedArrayBuffer(images.length * size));
      for (const [to, from] of images.entries()) {
        pixels.set(table.pixels.subarray(from * size, (from + 1) * size), to * size);
      }
      return { ...table, labels, pixels };
    }
    default:
      return assertNever(table);
  }
}

/** Returns a table without images. */
export function emptyTable(): SplitTable {
  return { kind: 'files', root: '', names: nameTable([]), labels: new Uint32Array(new SharedArrayBuffer(0)) };
}

function* namesOf(
  { names }: Exclude<SplitTable, { kind: 'pixels' }>,
  images: Uint32Array,
): Generator<string> {
  for (const image of images) yield nameAt(names, image);
}

function select<Values extends Uint32Array | Float64Array>(
  values: Values,
  images: Uint32Array,
  Type: { new (shared: SharedArrayBuffer): Values; readonly BYTES_PER_ELEMENT: number },
): Values {
  const selected = new Type(new SharedArrayBuffer(images.length * Type.BYTES_PER_ELEMENT));
  for (const [to, from] of images.entries()) selected[to] = values[from]!;
  return selected;
}
