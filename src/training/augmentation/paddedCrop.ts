import type { PixelImage } from '../../shared/pixelImage';
import { drawBelow, type Uniform } from './draws';
import { crop } from './resize';

/**
 * Pads each side with `padding` pixels of zeros and crops the original size at a random position. Takes 2 numbers: top,
 * left.
 */
export function paddedCrop(image: PixelImage, padding: number, uniform: Uniform): PixelImage {
  const top = drawBelow(2 * padding + 1, uniform) - padding;
  const left = drawBelow(2 * padding + 1, uniform) - padding;
  return crop(image, { top, left, height: image.height, width: image.width });
}
