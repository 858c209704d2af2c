import type { PixelImage } from '../../shared/pixelImage';
import { copyPixel } from './copyPixel';
import type { Uniform } from './draws';

/** Flips the image left to right with a probability. Takes 1 number. */
export function randomFlip(image: PixelImage, probability: number, uniform: Uniform): PixelImage {
  return uniform() < probability ? flip(image) : image;
}

/** Flips the image top to bottom with a probability. Takes 1 number. */
export function randomVerticalFlip(image: PixelImage, probability: number, uniform: Uniform): PixelImage {
  return uniform() < probability ? verticalFlip(image) : image;
}

export function flip(image: PixelImage): PixelImage {
  const { height, width, channels, pixels: source } = image;
  const pixels = new Uint8Array(source.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = width - 1; x >= 0; x--) {
      copyPixel(source, (y * width + x) * channels, pixels, to, channels);
      to += channels;
    }
  }
  return { ...image, pixels };
}

export function verticalFlip(image: PixelImage): PixelImage {
  const { height, width, channels, pixels: source } = image;
  const pixels = new Uint8Array(source.length);
  const rowLength = width * channels;
  for (let y = 0; y < height; y++) {
    pixels.set(source.subarray(y * rowLength, (y + 1) * rowLength), (height - 1 - y) * rowLength);
  }
  return { ...image, pixels };
}
