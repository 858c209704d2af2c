import type { AugmentationStep, Interpolation } from '../../recipe/augmentation';
import { assertNever } from '../../shared/assertNever';
import type { PixelImage } from '../../shared/pixelImage';
import { colorJitter } from './colorJitter';
import type { Uniform } from './draws';
import { evaluationView } from './evaluationView';
import { randomFlip, randomVerticalFlip } from './flip';
import { paddedCrop } from './paddedCrop';
import { pcaNoise } from './pcaNoise';
import { randAugment } from './randAugment';
import { randomResizedCrop } from './randomResizedCrop';
import { resize, wholeOf } from './resize';
import { trivialAugment } from './trivialAugment';

export interface AugmentOptions {
  /** Pixels of each side of the result. */
  readonly size: number;
  readonly interpolation: Interpolation;
}

/**
 * Changes a training image at random, step by step, to [size, size, channels]. Depends on its arguments and the
 * numbers of `uniform` alone; each step's file says which it takes. The image may be among the results: do not write
 * to it.
 *
 * Where no step is a random resized crop, which sets the size itself, the image is brought to size first: resized to
 * it, aspect lost, where a padded crop follows, or else its short edge resized and its center cropped.
 */
export function augmentImage(
  image: PixelImage,
  steps: readonly AugmentationStep[],
  options: AugmentOptions,
  uniform: Uniform,
): PixelImage {
  return steps.reduce(
    (changed, step) => applyStep(changed, step, options, uniform),
    broughtToSize(image, steps, options),
  );
}

function broughtToSize(
  image: PixelImage,
  steps: readonly AugmentationStep[],
  { size, interpolation }: AugmentOptions,
): PixelImage {
  if (steps.some(({ step }) => step === 'random_resized_crop')) return image;
  if (image.height === size && image.width === size) return image;
  if (steps.some(({ step }) => step === 'padded_crop'))
    return resize(image, wholeOf(image), { height: size, width: size }, interpolation);
  return evaluationView(image, { size, cropPct: 1, interpolation });
}

function applyStep(
  image: PixelImage,
  step: AugmentationStep,
  options: AugmentOptions,
  uniform: Uniform,
): PixelImage {
  switch (step.step) {
    case 'random_resized_crop':
      return randomResizedCrop(image, step, options, uniform);
    case 'padded_crop':
      return paddedCrop(image, step.padding, uniform);
    case 'flip':
      return randomFlip(image, step.probability, uniform);
    case 'vertical_flip':
      return randomVerticalFlip(image, step.probability, uniform);
    case 'color_jitter':
      return colorJitter(image, step, uniform);
    case 'pca_noise':
      return pcaNoise(image, step.std, uniform);
    case 'randaugment':
      return randAugment(image, step, uniform);
    case 'trivialaugment':
      return trivialAugment(image, uniform);
    default:
      return assertNever(step);
  }
}
