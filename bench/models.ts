/** The two models that the benches train, on random images. The image content does not affect the times. */

import { resolve } from '../src/experiment/resolve';
import { experimentSchema } from '../src/experiment/schema';
import { graphOf } from '../src/recipe/draft';
import type { Recipe } from '../src/recipe/recipe';
import { initialValues } from '../src/training/network/initialization';
import { Network } from '../src/training/network/network';
import { Random } from '../src/training/random';

export const MODELS = {
  resnet20: {
    model: { name: 'resnet20', width: 16 },
    data: { height: 28, width: 28, channels: 1, batch_size: 128 },
  },
  'resnet50-d': {
    model: { name: 'resnet50', variant: 'D' },
    data: { height: 64, width: 64, channels: 3, batch_size: 32 },
  },
} as const;
export type ModelName = keyof typeof MODELS;

export interface BenchOptions {
  /** Steps per epoch. */
  readonly steps: number;
  readonly epochs?: number;
  readonly dtype?: string;
}

/**
 * Returns the recipe that a bench trains: a model's recipe with augmentation, SGD with momentum and weight decay, and a
 * constant learning rate.
 */
export function recipeOf(name: ModelName, { steps, epochs = 1, dtype = 'float32' }: BenchOptions): Recipe {
  const { model, data } = MODELS[name];
  const resolution = resolve(
    experimentSchema.parse({
      name: 'bench',
      data: {
        dataset: 'synthetic',
        train_images: steps * data.batch_size,
        validation_images: 64,
        classes: 10,
        augment: 'crop_flip',
        ...data,
      },
      model,
      // Low enough that the loss never becomes NaN, which would end the training.
      optimizer: { base_lr: 0.001 },
      schedule: { epochs, decay: 'constant' },
      tricks: dtype === 'float32' ? {} : { mixed_precision: { dtype } },
    }),
  );
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}

/** Creates a network of a bench model, with weights initialized from seed 1. */
export function newNetwork(name: ModelName): Network {
  const { model, data } = recipeOf(name, { steps: 1 });
  const graph = graphOf({ model, data });
  return new Network(graph, initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization')));
}
