import type { SplitTable } from '../../../datasets/table';
import type { DatasetFacts } from '../../../recipe/datasets';
import type { ImageSplit } from '../dataset';

/**
 * Makes a table that threads share from a split in memory. Its images are [height, width, channels], as given by
 * `facts`.
 */
export function pixelsTable(
  { count, label, draw }: ImageSplit,
  { height, width, channels }: Pick<DatasetFacts, 'height' | 'width' | 'channels'>,
): SplitTable {
  if (channels !== 1 && channels !== 3) throw new Error(`Images of ${channels} channels`);
  const size = height * width * channels;
  const pixels = new Uint8Array(new SharedArrayBuffer(count * size));
  const labels = new Uint32Array(new SharedArrayBuffer(count * 4));
  for (let index = 0; index < count; index++) {
    draw(index, pixels.subarray(index * size, (index + 1) * size));
    labels[index] = label(index);
  }
  return { kind: 'pixels', pixels, height, width, channels, labels };
}
