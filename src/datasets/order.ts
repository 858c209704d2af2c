import type { SplitTable } from './table';

/** The default buffer size in images. webdataset's own examples use 1,000. */
const BUFFER_IMAGES = 1000;

/**
 * Returns an epoch's order for images in several large files, such that each file is read about once and sequentially.
 * Shuffles the files, then passes their images through a shuffle buffer: as each image enters, a random one leaves. No
 * image moves forward by more than `bufferSize` positions from its position in the shuffled files.
 *
 * @param uniform uniform over [0, 1)
 * @returns each image's number exactly once
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

/** Yields images file by file, with the files in random order. */
function* imagesByFile(
  { file, files }: Extract<SplitTable, { kind: 'ranges' }>,
  uniform: () => number,
): Generator<number> {
  // The start of each file's images, with all images sorted by file.
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

/** Fisher-Yates shuffle. */
function shuffle(values: number[], uniform: () => number): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [values[last], values[other]] = [values[other]!, values[last]!];
  }
}
