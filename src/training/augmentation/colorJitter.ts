import type { AugmentationStep } from '../../recipe/augmentation';
import type { PixelImage } from '../../shared/pixelImage';
import { drawBelow, drawIn, type Uniform } from './draws';
import { adjustBrightness, adjustContrast, adjustSaturation } from './enhance';
import { adjustHue } from './hue';

type Options = Omit<Extract<AugmentationStep, { readonly step: 'color_jitter' }>, 'step'>;

/**
 * Adjusts brightness, contrast, saturation and hue by uniformly drawn factors, in random order, like torchvision's
 * ColorJitter. Each result is rounded down to bytes. Saturation and hue do not change a grayscale image.
 *
 * Draws 7 numbers regardless of the ranges: 3 for the order, then brightness, contrast, saturation and hue.
 */
export function colorJitter(image: PixelImage, ranges: Options, uniform: Uniform): PixelImage {
  const order = [0, 1, 2, 3];
  for (let last = order.length - 1; last > 0; last--) {
    const other = drawBelow(last + 1, uniform);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  const brightness = drawIn(ranges.brightness, uniform);
  const contrast = drawIn(ranges.contrast, uniform);
  const saturation = drawIn(ranges.saturation, uniform);
  const hue = drawIn(ranges.hue, uniform);
  const changes = [
    (changed: PixelImage) => (brightness === 1 ? changed : adjustBrightness(changed, brightness)),
    (changed: PixelImage) => (contrast === 1 ? changed : adjustContrast(changed, contrast)),
    (changed: PixelImage) => (saturation === 1 ? changed : adjustSaturation(changed, saturation)),
    (changed: PixelImage) => (hue === 0 ? changed : adjustHue(changed, hue)),
  ];
  return order.reduce((changed, index) => changes[index]!(changed), image);
}
