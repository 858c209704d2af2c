import type { DatasetFacts } from '../../recipe/datasets';

/** The normalised value of each byte: (byte / 255 - mean) / std by channel, [channels, 256]. */
export function normalisationTable({
  channels,
  mean,
  std,
}: Pick<DatasetFacts, 'channels' | 'mean' | 'std'>): Float32Array {
  return Float32Array.from({ length: channels * 256 }, (_, entry) => {
    const channel = Math.floor(entry / 256);
    return ((entry % 256) / 255 - mean[channel]!) / std[channel]!;
  });
}

/**
 * Writes the normalised values of an image to `target` from `offset` on.
 *
 * @param pixels [height, width, channels]
 * @param table as of `normalisationTable`
 */
export function normalise(
  pixels: Uint8Array,
  table: Float32Array,
  target: Float32Array,
  offset: number,
): void {
  if (table.length === 3 * 256) {
    normaliseColours(pixels, table, target, offset);
    return;
  }
  const channels = table.length / 256;
  for (let channel = 0; channel < channels; channel++) {
    const normalised = table.subarray(channel * 256, (channel + 1) * 256);
    for (let position = channel; position < pixels.length; position += channels) {
      target[offset + position] = normalised[pixels[position]!]!;
    }
  }
}

/** One pass over the memory in the place of three: half the time. */
function normaliseColours(
  pixels: Uint8Array,
  table: Float32Array,
  target: Float32Array,
  offset: number,
): void {
  let to = offset;
  for (let from = 0; from < pixels.length; from += 3) {
    target[to] = table[pixels[from]!]!;
    target[to + 1] = table[256 + pixels[from + 1]!]!;
    target[to + 2] = table[512 + pixels[from + 2]!]!;
    to += 3;
  }
}
