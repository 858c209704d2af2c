import type { PixelImage } from '../../shared/pixelImage';

/** The number of values from `momentsOf`: the means of three channels, then their mean squares. */
export const MOMENTS = 6;

/**
 * Computes the per-channel mean and mean square of an image's pixels scaled to 0..1: [3 means, 3 mean squares]. A gray
 * image's values are repeated three times.
 */
export function momentsOf({ pixels, channels }: PixelImage): Float64Array {
  // Counting levels first reduces the work to 256 floating-point sums per channel, whatever the image size.
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
