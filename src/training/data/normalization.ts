import type { DatasetFacts } from '../../recipe/datasets';

/** Returns the normalized value of each byte: (byte / 255 - mean) / std per channel, [channels, 256]. */
export function normalizationTable({
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
 * Writes the normalized values of an image to `target`, starting at `offset`.
 *
 * @param pixels [height, width, channels]
 * @param table from `normalizationTable`
 */
export function normalize(
  pixels: Uint8Array,
  table: Float32Array,
  target: Float32Array,
  offset: number,
): void {
  if (table.length === 3 * 256) {
    normalizeColors(pixels, table, target, offset);
    return;
  }
  const channels = table.length / 256;
  for (let channel = 0; channel < channels; channel++) {
    const normalized = table.subarray(channel * 256, (channel + 1) * 256);
    for (let position = channel; position < pixels.length; position += channels) {
      target[offset + position] = normalized[pixels[position]!]!;
    }
  }
}

/** Handles three channels in one pass over memory instead of three, which is faster. See docs/performance.md. */
function normalizeColors(
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
