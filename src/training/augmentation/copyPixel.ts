/** Copies the channels of one pixel from an index of `source` to an index of `target`. */
export function copyPixel(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  channels: number,
): void {
  target[to] = source[from]!;
  if (channels === 1) return;
  target[to + 1] = source[from + 1]!;
  target[to + 2] = source[from + 2]!;
}
