import type { PixelImage } from './image';
import { mapTones, tones } from './tones';

/**
 * Changes by a factor, as Pillow's ImageEnhance makes them: 1 changes nothing, 0 leaves the degenerate image (black,
 * plain grey, grey or blurred), between them is a blend, and above 1 goes on past the image.
 */

export function adjustBrightness(image: PixelImage, factor: number): PixelImage {
  const blend = blending(factor);
  return mapTones(image, [tones((tone) => blend(0, tone))]);
}

/** Blends with the plain grey of the image's mean luminance. */
export function adjustContrast(image: PixelImage, factor: number): PixelImage {
  const blend = blending(factor);
  const mean = meanLuminance(image);
  return mapTones(image, [tones((tone) => blend(mean, tone))]);
}

/** Blends with the image in grey. A grey image stays as it is. */
export function adjustSaturation(image: PixelImage, factor: number): PixelImage {
  if (image.channels !== 3) return image;
  const { pixels: source } = image;
  const pixels = new Uint8Array(source.length);
  const scaled = scaledDifferences(factor);
  for (let index = 0; index < source.length; index += 3) {
    const [red, green, blue] = [source[index]!, source[index + 1]!, source[index + 2]!];
    const grey = luminance(red, green, blue);
    pixels[index] = toByte(Math.fround(grey + scaled[255 + red - grey]!));
    pixels[index + 1] = toByte(Math.fround(grey + scaled[255 + green - grey]!));
    pixels[index + 2] = toByte(Math.fround(grey + scaled[255 + blue - grey]!));
  }
  return { ...image, pixels };
}

/**
 * Blends with the image smoothed by a 3x3 kernel of ones about a 5, over 13. The outermost pixels are not smoothed,
 * nor is an image of less than 3 pixels a side.
 */
export function adjustSharpness(image: PixelImage, factor: number): PixelImage {
  const { height, width, channels, pixels: source } = image;
  const pixels = Uint8Array.from(source);
  const scaled = scaledDifferences(factor);
  const rowLength = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let index = y * rowLength + channels; index < (y + 1) * rowLength - channels; index++) {
      const [above, below] = [index - rowLength, index + rowLength];
      const sum =
        source[above - channels]! +
        source[above]! +
        source[above + channels]! +
        source[index - channels]! +
        5 * source[index]! +
        source[index + channels]! +
        source[below - channels]! +
        source[below]! +
        source[below + channels]!;
      // Rounded to the nearest: 13 is odd, so no sum lies between two.
      const smooth = ((sum * 2 + 13) / 26) | 0;
      pixels[index] = toByte(Math.fround(smooth + scaled[255 + source[index]! - smooth]!));
    }
  }
  return { ...image, pixels };
}

/** Pillow's grey of a color: ITU-R 601-2 in 16 bits of fixed point. */
function luminance(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

function meanLuminance({ pixels, channels }: PixelImage): number {
  let sum = 0;
  if (channels === 3) {
    for (let index = 0; index < pixels.length; index += 3) {
      sum += luminance(pixels[index]!, pixels[index + 1]!, pixels[index + 2]!);
    }
  } else {
    for (const tone of pixels) sum += tone;
  }
  return Math.trunc(sum / (pixels.length / channels) + 0.5);
}

/** Blends two bytes in float32, as Pillow's Blend.c does. */
function blending(factor: number): (degenerate: number, tone: number) => number {
  const scaled = scaledDifferences(factor);
  return (degenerate, tone) => toByte(Math.fround(degenerate + scaled[255 + tone - degenerate]!));
}

/** In float32, the factor times each difference of two bytes, from -255 at index 0 on. */
function scaledDifferences(factor: number): Float32Array {
  const alpha = Math.fround(factor);
  return Float32Array.from({ length: 511 }, (_, index) => Math.fround(alpha * (index - 255)));
}

function toByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0;
}
