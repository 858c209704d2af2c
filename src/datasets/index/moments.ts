import type { PixelImage } from '../../shared/pixelImage';

/** Values that `momentsOf` gives: of each of three channels the mean, then of each the mean square. */
export const MOMENTS = 6;

/**
 * Mean and mean square of an image's pixels scaled to 0..1, channel by channel: [3 means, 3 mean squares]. A grey
 * image's are the same three times.
 */
export function momentsOf({ pixels, channels }: PixelImage): Float64Array {
  // Counting levels first leaves 256 floating-point sums a channel, however many pixels there are.
  const histogram = new Uint32Array(256 * channels);
  for (let at = 0; at < pixels.length; at += channels) {
    for (let channel = 0; channel < channels; channel++) histogram[channel * 256 + pixels[at + channel]!]!++;
  }
  const count = pixels.length / channels;
  const moments = new Float64Array(MOMENTS);
  for (let channel = 0; channel < 3; channel++) {
    const from = channels === 1 ? 0 : channel * 256;
    let [sum, squares] = [0, 0];
    for (let level = 0; level < 256; level++) {
      const times = histogram[from + level]!;
      sum += times * level;
      squares += times * level * level;
    }
    moments[channel] = sum / count / 255;
    moments[3 + channel] = squares / count / 255 ** 2;
  }
  return moments;
}
