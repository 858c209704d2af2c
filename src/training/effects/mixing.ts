import type { MixingRecipe } from '../../recipe/recipe';
import type { ImageSize } from '../data/augment';
import type { Random } from '../random';
import type { BatchEffect, MutableBatch } from './effect';
import type { Rectangle } from './erasing';

const STREAM = 'mixing';

/** How to mix the images of a batch. `lambda` is the fraction that an image keeps of itself. */
export type Mix =
  | { readonly kind: 'none' }
  | { readonly kind: 'mixup'; readonly lambda: number }
  | { readonly kind: 'cutmix'; readonly lambda: number; readonly patch: Rectangle };

/**
 * Draws how to mix a batch, with one lambda per batch, as the authors of both methods do. If both are enabled, they are
 * equally likely (timm's mixup_switch_prob of 0.5).
 */
export function drawMix({ mixup, cutmix }: MixingRecipe, size: ImageSize, random: Random): Mix {
  const takesMixup = mixup !== null && (cutmix === null || random.uniform() < 0.5);
  if (takesMixup) return { kind: 'mixup', lambda: random.beta(mixup.alpha, mixup.alpha) };
  if (cutmix === null || random.uniform() >= cutmix.probability) return { kind: 'none' };
  const patch = drawPatch(random.beta(cutmix.alpha, cutmix.alpha), size, random);
  const lambda = 1 - (patch.height * patch.width) / (size.height * size.width);
  return { kind: 'cutmix', lambda, patch };
}

/**
 * Draws a rectangle with a fraction of 1 - `lambda` of the image around a random point, clipped at the image's edges
 * (Yun et al. 2019, equation 2).
 */
function drawPatch(lambda: number, { height, width }: ImageSize, random: Random): Rectangle {
  const side = Math.sqrt(1 - lambda);
  const [top, bottom] = drawInterval(height, side, random);
  const [left, right] = drawInterval(width, side, random);
  return { top, left, height: bottom - top, width: right - left };
}

function drawInterval(extent: number, share: number, random: Random): readonly [number, number] {
  const half = Math.floor((extent * share) / 2);
  const center = random.below(extent);
  return [Math.max(center - half, 0), Math.min(center + half, extent)];
}

/**
 * Mixes each image and its target with those of its partner: the image at the mirrored position in the batch. The order
 * of the batch is random, so the partner is too (timm does the same).
 */
export function mix(batch: MutableBatch, size: ImageSize, how: Mix): void {
  if (how.kind === 'none') return;
  const imageValues = batch.images.length / batch.size;
  const classes = batch.targets.length / batch.size;
  for (let one = 0; one < batch.size >> 1; one++) {
    const other = batch.size - 1 - one;
    blend(batch.targets, one * classes, other * classes, classes, how.lambda);
    if (how.kind === 'mixup')
      blend(batch.images, one * imageValues, other * imageValues, imageValues, how.lambda);
    else exchange(batch.images, one * imageValues, other * imageValues, size, how.patch);
  }
}

/** Replaces two ranges of values by weighted sums of each other. */
function blend(values: Float32Array, one: number, other: number, count: number, lambda: number): void {
  for (let index = 0; index < count; index++) {
    const a = values[one + index]!;
    const b = values[other + index]!;
    values[one + index] = lambda * a + (1 - lambda) * b;
    values[other + index] = lambda * b + (1 - lambda) * a;
  }
}

/** Swaps a patch between two images. */
function exchange(
  images: Float32Array,
  one: number,
  other: number,
  { width, channels }: ImageSize,
  patch: Rectangle,
): void {
  for (let y = patch.top; y < patch.top + patch.height; y++) {
    const start = (y * width + patch.left) * channels;
    const end = start + patch.width * channels;
    const row = images.slice(one + start, one + end);
    images.copyWithin(one + start, other + start, other + end);
    images.set(row, other + start);
  }
}

/** Mixes the images of a batch, and their targets. */
export const mixing: BatchEffect = {
  phase: 'batch',
  of({ data: { mixing: recipe } }, streams) {
    if (!recipe) return null;
    const random = streams.get(STREAM);
    return (batch, size) => mix(batch, size, drawMix(recipe, size, random));
  },
};
