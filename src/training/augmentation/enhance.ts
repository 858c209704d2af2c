import type { PixelImage } from '../../shared/pixelImage';
import { blendWithGrey, blendWithTone, luminanceSum } from './blend';

/**
 * Changes by a factor, as Pillow's ImageEnhance makes them: 1 changes nothing, 0 leaves the degenerate image (black,
 * plain grey, grey or blurred), between them is a blend, and above 1 goes on past the image.
 */

export function adjustBrightness(image: PixelImage, factor: number): PixelImage {
  return blendWithTone(image, 0, factor);
}

/** Blends with the plain grey of the image's mean luminance. */
export function adjustContrast(image: PixelImage, factor: number): PixelImage {
  const mean = luminanceSum(image) / (image.height * image.width);
  return blendWithTone(image, Math.trunc(mean + 0.5), factor);
}

/** Blends with the image in grey. A grey image stays as it is. */
export function adjustSaturation(image: PixelImage, factor: number): PixelImage {
  return image.channels === 3 ? blendWithGrey(image, factor) : image;
}

/**
 * Blends with the image smoothed by a 3x3 kernel of ones about a 5, over 13. The outermost pixels are not smoothed,
 * nor is an image of less than 3 pixels a side.
 */
export function adjustSharpness(image: PixelImage, factor: number): PixelImage {
  const { height, width, channels, pixels: source } = image;
  const pixels = Uint8Array.from(source);
  const alpha = Math.fround(factor);
  // In float32, as Pillow's Blend.c computes: the factor times each difference of two bytes, from -255 on.
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
      // Rounded to the nearest: 13 is odd, so no sum lies between two.
      const smooth = ((sum * 2 + 13) / 26) | 0;
      pixels[index] = Math.min(255, Math.max(0, Math.fround(smooth + scaled[255 + tone - smooth]!)));
    }
  }
  return { ...image, pixels };
}
