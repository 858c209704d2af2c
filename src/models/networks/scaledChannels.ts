/** The fewest channels a layer is narrowed to, as in the code of MobileNet's authors. */
const LEAST_CHANNELS = 8;

/** A layer's channels under a width multiplier (Howard et al. 2017, section 3.3). */
export function scaledChannels(channels: number, widthMultiplier: number): number {
  return Math.max(LEAST_CHANNELS, Math.floor(channels * widthMultiplier));
}
