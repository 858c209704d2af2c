/**
 * The file of an index's table: a JSON header followed by typed arrays. The arrays are read directly into shared
 * memory, in native byte order.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, rm } from 'node:fs/promises';
import { endianness } from 'node:os';
import { z } from 'zod';
import { assertNever } from '../../shared/assertNever';
import { openPlain } from '../../system/plainFiles';
import type { SplitTable } from '../table';
import type { TableFile } from './datasetIndex';
import { type Looks, type SeenSplit, SPLIT_NAMES } from './tables';

const MAGIC = Buffer.from('BoTIndex');
/** The magic bytes, the header's length and four zero bytes. */
const START_BYTES = MAGIC.length + 8;
/** Arrays start at multiples of this. */
const ALIGNMENT = 8;

/** A file or folder that a listing depends on, with the values that reveal a change. */
export interface Source {
  readonly path: string;
  /** In milliseconds since 1970; -1 if it must be listed again to be sure. */
  readonly modified: number;
  readonly size: number;
}

/** The contents of an index's table. */
export interface IndexTable {
  readonly sources: readonly Source[];
  readonly splits: readonly SeenSplit[];
}

const ARRAYS = { Float64Array, Float32Array, Uint32Array, Uint16Array, Uint8Array } as const;
type ArrayName = keyof typeof ARRAYS;
type NumberArray = Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array;

const headerSchema = z.object({
  sources: z.array(z.object({ path: z.string(), modified: z.number(), size: z.number() })),
  splits: z.array(
    z.object({
      name: z.enum(SPLIT_NAMES),
      table: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('files'), root: z.string() }),
        z.object({ kind: z.literal('ranges'), files: z.array(z.string()) }),
        z.object({
          kind: z.literal('pixels'),
          height: z.number(),
          width: z.number(),
          channels: z.union([z.literal(1), z.literal(3)]),
        }),
      ]),
    }),
  ),
  arrays: z.array(
    z.object({
      type: z.enum(Object.keys(ARRAYS) as [ArrayName, ...ArrayName[]]),
      length: z.number().int().nonnegative(),
      /** The hash of its bytes. */
      sha256: z.string(),
    }),
  ),
  byteOrder: z.literal(endianness()),
});
type Header = z.infer<typeof headerSchema>;

/** A damaged table file. */
export class TableFileError extends Error {
  override readonly name = 'TableFileError';
}

/**
 * Writes a table to a new file and syncs it to disk. Omits pixels in memory.
 *
 * @param path a file that does not exist yet; removed if writing fails
 * @throws the file system's error, with the file's path
 */
export async function writeTable(
  path: string,
  { sources, splits }: IndexTable,
): Promise<Omit<TableFile, 'file'>> {
  const arrays = splits.flatMap(({ table, looks }) => [...tableArrays(table), ...looksArrays(looks)]);
  const header: Header = {
    sources: [...sources],
    splits: splits.map(({ name, table }) => ({ name, table: plainTable(table) })),
    arrays: arrays.map((array) => ({
      type: array.constructor.name as ArrayName,
      length: array.length,
      sha256: hashOf(array),
    })),
    byteOrder: endianness(),
  };
  const text = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(START_BYTES);
  MAGIC.copy(start);
  start.writeUInt32LE(text.length, MAGIC.length);
  const padded = Buffer.concat([text, Buffer.alloc(paddingAfter(text.length), ' ')]);
  let bytes = 0;
  try {
    await using file = await openPlain(path, 'wx');
    for (const part of [start, padded, ...arrays.flatMap(withPadding)]) {
      await file.writeFile(part);
      bytes += part.length;
    }
    await file.sync();
  } catch (error) {
    await rm(path, { force: true }).catch(() => {});
    throw Object.assign(error as Error, { path });
  }
  return { bytes, sha256: hashOf(Buffer.concat([start, padded])) };
}

/**
 * Reads a table. Pixel tables come back without pixels, [0, height, width, channels].
 *
 * @param known arrays to reuse in place of equal ones in the file, which are then not read
 * @throws TableFileError if the file is damaged; the file system's error
 */
export async function readTable(
  path: string,
  { bytes, sha256 }: Omit<TableFile, 'file'>,
  known: readonly NumberArray[] = [],
): Promise<IndexTable> {
  await using file = await openPlain(path);
  const { size } = await file.stat();
  if (size !== bytes) throw new TableFileError(`${size} bytes in place of ${bytes}`);
  const start = Buffer.alloc(START_BYTES);
  await readWhole(file, start, 0);
  const textLength = start.readUInt32LE(MAGIC.length);
  let offset = START_BYTES + textLength + paddingAfter(textLength);
  if (!start.subarray(0, MAGIC.length).equals(MAGIC) || offset > size) throw new TableFileError('no table');
  const text = Buffer.alloc(offset - START_BYTES);
  await readWhole(file, text, START_BYTES);
  if (hashOf(Buffer.concat([start, text])) !== sha256) throw new TableFileError('another header');
  const header = headerSchema.parse(JSON.parse(text.toString('utf8')));
  const knownByHash = new Map(known.map((array) => [`${array.constructor.name} ${hashOf(array)}`, array]));
  const arrays: NumberArray[] = [];
  for (const { type, length, sha256: expected } of header.arrays) {
    const byteLength = length * ARRAYS[type].BYTES_PER_ELEMENT;
    let array = knownByHash.get(`${type} ${expected}`);
    if (!array) {
      const shared = new SharedArrayBuffer(byteLength);
      await readWhole(file, new Uint8Array(shared), offset);
      array = new ARRAYS[type](shared as ArrayBufferLike as ArrayBuffer);
      if (hashOf(array) !== expected) throw new TableFileError('other bytes than were written');
    }
    arrays.push(array);
    offset += byteLength + paddingAfter(byteLength);
  }
  const take = <Type extends ArrayName>(type: Type): InstanceType<(typeof ARRAYS)[Type]> => {
    const array = arrays.shift();
    if (array?.constructor !== ARRAYS[type]) throw new TableFileError('other arrays');
    return array as InstanceType<(typeof ARRAYS)[Type]>;
  };
  const splits = header.splits.map(({ name, table }) => ({
    name,
    table: takeTable(table, take),
    looks: takeLooks(take),
  }));
  return { sources: header.sources, splits };
}

function hashOf(array: NumberArray): string {
  return createHash('sha256').update(bytesOf(array)).digest('hex');
}

function bytesOf(array: NumberArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function withPadding(array: NumberArray): Uint8Array[] {
  return [bytesOf(array), new Uint8Array(paddingAfter(array.byteLength))];
}

type Take = <Type extends ArrayName>(type: Type) => InstanceType<(typeof ARRAYS)[Type]>;

function plainTable(table: SplitTable): Header['splits'][number]['table'] {
  switch (table.kind) {
    case 'files':
      return { kind: table.kind, root: table.root };
    case 'ranges':
      return { kind: table.kind, files: [...table.files] };
    case 'pixels': {
      const { kind, height, width, channels } = table;
      return { kind, height, width, channels };
    }
    default:
      return assertNever(table);
  }
}

/** Returns the arrays of a listing's table, without pixels. */
export function tableArrays(table: SplitTable): NumberArray[] {
  switch (table.kind) {
    case 'files':
      return [table.labels, table.names.text, table.names.starts];
    case 'ranges':
      return [table.labels, table.names.text, table.names.starts, table.file, table.offset, table.length];
    case 'pixels':
      return [table.labels];
    default:
      return assertNever(table);
  }
}

/** In the order of `tableArrays`. */
function takeTable(plain: Header['splits'][number]['table'], take: Take): SplitTable {
  const labels = take('Uint32Array');
  switch (plain.kind) {
    case 'files':
      return { ...plain, labels, names: { text: take('Uint8Array'), starts: take('Float64Array') } };
    case 'ranges':
      return {
        ...plain,
        labels,
        names: { text: take('Uint8Array'), starts: take('Float64Array') },
        file: take('Uint32Array'),
        offset: take('Float64Array'),
        length: take('Uint32Array'),
      };
    case 'pixels':
      return { ...plain, labels, pixels: new Uint8Array(0) };
    default:
      return assertNever(plain);
  }
}

function looksArrays({ modified, size, hash, height, width, flags, details }: Looks): NumberArray[] {
  const { images, moments, perceptual } = details;
  return [modified, size, hash, height, width, flags, images, moments, perceptual];
}

/** In the order of `looksArrays`. */
function takeLooks(take: Take): Looks {
  return {
    modified: take('Float64Array'),
    size: take('Uint32Array'),
    hash: take('Uint8Array'),
    height: take('Uint16Array'),
    width: take('Uint16Array'),
    flags: take('Uint8Array'),
    details: { images: take('Uint32Array'), moments: take('Float32Array'), perceptual: take('Uint32Array') },
  };
}

async function readWhole(file: FileHandle, into: Uint8Array, offset: number): Promise<void> {
  let end = 0;
  while (end < into.length) {
    const { bytesRead } = await file.read(into, end, into.length - end, offset + end);
    if (bytesRead === 0) throw new TableFileError('cut short');
    end += bytesRead;
  }
}

function paddingAfter(bytes: number): number {
  return (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;
}
