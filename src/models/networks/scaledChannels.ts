/** Lower limit on a layer's channels, as in the MobileNet authors' code. */
const LEAST_CHANNELS = 8;

/** Scales a layer's channels by a width multiplier (Howard et al. 2017, section 3.3). */
export function scaledChannels(channels: number, widthMultiplier: number): number {
  return Math.max(LEAST_CHANNELS, Math.floor(channels * widthMultiplier));
}
