import type { AugmentationStep } from '../../recipe/augmentation';
import type { PixelImage } from '../../shared/pixelImage';
import { drawBelow, type Uniform } from './draws';
import { applyOperation, magnitudeOf, OPERATION_NAMES, randAugmentSpace } from './operations';

type Options = Omit<Extract<AugmentationStep, { readonly step: 'randaugment' }>, 'step'>;

/**
 * Applies operations drawn with replacement, all at the same magnitude (Cubuk et al. 2020; torchvision's RandAugment).
 * Takes 2 numbers for each operation, whichever it is: its index and its sign.
 */
export function randAugment(
  image: PixelImage,
  { operations, magnitude }: Options,
  uniform: Uniform,
): PixelImage {
  let changed = image;
  for (let count = 0; count < operations; count++) {
    const name = OPERATION_NAMES[drawBelow(OPERATION_NAMES.length, uniform)]!;
    const negative = uniform() < 0.5;
    const magnitudes = randAugmentSpace(name, image);
    const strength = magnitudes ? magnitudeOf(name, magnitudes, magnitude) : 0;
    changed = applyOperation(changed, name, magnitudes?.signed && negative ? -strength : strength);
  }
  return changed;
}
