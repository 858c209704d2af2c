import type { ErasingRecipe } from '../../recipe/recipe';
import type { ImageSize, Uniform } from '../data/augment';
import type { BatchEffect } from './effect';

/** A part of an image, in pixels. */
export interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

const STREAM = 'erasing';

/** Maximum number of draws for a rectangle that fits, as in torchvision. */
const ATTEMPTS = 10;

/**
 * Draws the rectangle to erase from one image (Zhong et al. 2020, algorithm 1). Area and aspect ratio come from their
 * ranges. The logarithm of the aspect ratio is uniform, as in torchvision and timm, so that wide and tall are equally
 * likely.
 *
 * @returns null if nothing is erased or no rectangle fits
 */
export function drawErasing(recipe: ErasingRecipe, size: ImageSize, uniform: Uniform): Rectangle | null {
  const { probability, minArea, maxArea, minAspect } = recipe;
  if (uniform() >= probability) return null;
  const pixels = size.height * size.width;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = pixels * (minArea + (maxArea - minArea) * uniform());
    const aspect = minAspect ** (1 - 2 * uniform());
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (height < 1 || width < 1 || height >= size.height || width >= size.width) continue;
    return {
      top: Math.floor(uniform() * (size.height - height + 1)),
      left: Math.floor(uniform() * (size.width - width + 1)),
      height,
      width,
    };
  }
  return null;
}

/** Sets a rectangle of the image at `offset` of `images`, normalized [height, width, channels], to the mean, 0. */
export function erase(
  images: Float32Array,
  offset: number,
  { width, channels }: ImageSize,
  rectangle: Rectangle,
): void {
  for (let y = rectangle.top; y < rectangle.top + rectangle.height; y++) {
    const start = offset + (y * width + rectangle.left) * channels;
    images.fill(0, start, start + rectangle.width * channels);
  }
}

/** Erases a rectangle from some of the images. */
export const erasing: BatchEffect = {
  phase: 'batch',
  of({ data: { erasing: recipe } }, streams) {
    if (!recipe) return null;
    const random = streams.get(STREAM);
    return (batch, size) => {
      const imageValues = batch.images.length / batch.size;
      for (let slot = 0; slot < batch.size; slot++) {
        const rectangle = drawErasing(recipe, size, () => random.uniform());
        if (rectangle) erase(batch.images, slot * imageValues, size, rectangle);
      }
    };
  },
};
