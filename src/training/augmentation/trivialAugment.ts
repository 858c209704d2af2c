import type { PixelImage } from '../../shared/pixelImage';
import { drawBelow, type Uniform } from './draws';
import {
  applyOperation,
  MAGNITUDE_BINS,
  magnitudeOf,
  OPERATION_NAMES,
  trivialAugmentSpace,
} from './operations';

/**
 * Applies one random operation at a random magnitude (Mueller and Hutter 2021; torchvision's TrivialAugmentWide). Takes
 * 3 numbers, whichever the operation: its index, its magnitude bin and its sign.
 */
export function trivialAugment(image: PixelImage, uniform: Uniform): PixelImage {
  const name = OPERATION_NAMES[drawBelow(OPERATION_NAMES.length, uniform)]!;
  const bin = drawBelow(MAGNITUDE_BINS, uniform);
  const negative = uniform() < 0.5;
  const magnitudes = trivialAugmentSpace(name, image);
  const strength = magnitudes ? magnitudeOf(name, magnitudes, bin) : 0;
  return applyOperation(image, name, magnitudes?.signed && negative ? -strength : strength);
}
