import type { SplitTable } from './table';

/** Images in the buffer by default: webdataset's own examples have 1,000. */
const BUFFER_IMAGES = 1000;

/**
 * An epoch's order for images that lie in several large files, by which each file is read about once and in its own
 * order: files in random order, then their images through a shuffle buffer, of which a random one leaves as the next
 * comes in. No image comes more than `bufferSize` places before its place in the shuffled files.
 *
 * @param uniform uniform over [0, 1)
 * @returns every image's number once
 */
export function shardedOrder(
  table: Extract<SplitTable, { kind: 'ranges' }>,
  uniform: () => number,
  bufferSize = BUFFER_IMAGES,
): Uint32Array {
  const count = table.labels.length;
  const order = new Uint32Array(count);
  const buffer: number[] = [];
  let next = 0;
  for (const image of imagesByFile(table, uniform)) {
    if (buffer.length < bufferSize) {
      buffer.push(image);
      continue;
    }
    const leaving = Math.floor(uniform() * buffer.length);
    order[next++] = buffer[leaving]!;
    buffer[leaving] = image;
  }
  shuffle(buffer, uniform);
  order.set(buffer, next);
  return order;
}

/** Images file by file, in an order of files that chance has. */
function* imagesByFile(
  { file, files }: Extract<SplitTable, { kind: 'ranges' }>,
  uniform: () => number,
): Generator<number> {
  // Where each file's images begin among all sorted by file.
  const starts = new Uint32Array(files.length + 1);
  for (const index of file) starts[index + 1]!++;
  for (let index = 0; index < files.length; index++) starts[index + 1]! += starts[index]!;
  const byFile = new Uint32Array(file.length);
  const ends = starts.slice(0, -1);
  for (const [image, index] of file.entries()) byFile[ends[index]!++] = image;
  const inOrder = Array.from(files.keys());
  shuffle(inOrder, uniform);
  for (const index of inOrder) yield* byFile.subarray(starts[index]!, starts[index + 1]!);
}

/** Fisher and Yates. */
function shuffle(values: number[], uniform: () => number): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [values[last], values[other]] = [values[other]!, values[last]!];
  }
}
