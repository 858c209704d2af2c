import type { PixelImage } from '../../shared/pixelImage';
import { blendWithGray, blendWithTone, luminanceSum } from './blend';

/**
 * Adjustments by a factor, like Pillow's ImageEnhance. Factor 1 keeps the image, and 0 returns the degenerate image
 * (black, uniform gray, grayscale or blurred). Values in between blend the two, and values above 1 extrapolate.
 */

export function adjustBrightness(image: PixelImage, factor: number): PixelImage {
  return blendWithTone(image, 0, factor);
}

/** Blends with the uniform gray of the image's mean luminance. */
export function adjustContrast(image: PixelImage, factor: number): PixelImage {
  const mean = luminanceSum(image) / (image.height * image.width);
  return blendWithTone(image, Math.trunc(mean + 0.5), factor);
}

/** Blends with the grayscale version. A grayscale image does not change. */
export function adjustSaturation(image: PixelImage, factor: number): PixelImage {
  return image.channels === 3 ? blendWithGray(image, factor) : image;
}

/**
 * Blends with a smoothed version: a 3x3 kernel of ones with 5 at the center, divided by 13. Border pixels are not
 * smoothed, nor are images with fewer than 3 pixels per side.
 */
export function adjustSharpness(image: PixelImage, factor: number): PixelImage {
  const { height, width, channels, pixels: source } = image;
  const pixels = Uint8Array.from(source);
  const alpha = Math.fround(factor);
  // In float32, like Pillow's Blend.c: the factor times each difference of two bytes, starting at -255.
  const scaled = Float32Array.from({ length: 511 }, (_, index) => alpha * (index - 255));
  const rowLength = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let index = y * rowLength + channels; index < (y + 1) * rowLength - channels; index++) {
      const [above, below] = [index - rowLength, index + rowLength];
      const tone = source[index]!;
      const sum =
        source[above - channels]! +
        source[above]! +
        source[above + channels]! +
        source[index - channels]! +
        5 * tone +
        source[index + channels]! +
        source[below - channels]! +
        source[below]! +
        source[below + channels]!;
      // Rounded to the nearest. 13 is odd, so there are no ties.
      const smooth = ((sum * 2 + 13) / 26) | 0;
      pixels[index] = Math.min(255, Math.max(0, Math.fround(smooth + scaled[255 + tone - smooth]!)));
    }
  }
  return { ...image, pixels };
}
