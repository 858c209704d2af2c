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
  /** Side length of the result in pixels. */
  readonly size: number;
  readonly interpolation: Interpolation;
}

/**
 * Applies random augmentations to a training image, step by step. Returns [size, size, channels]. Depends only on its
 * arguments and on the numbers from `uniform`. Each step's file says which numbers it draws. The result may share the
 * input's pixels: do not write to it.
 *
 * Without a random resized crop, which sets the size itself, the image is first brought to size. Before a padded crop
 * it is resized without keeping its aspect ratio. Otherwise its short edge is resized and its center cropped.
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
