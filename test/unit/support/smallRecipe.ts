import { resolve } from '../../../src/experiment/resolve';
import { experimentSchema } from '../../../src/experiment/schema';
import type { Recipe } from '../../../src/recipe/recipe';

/** A training that takes well under a second: a ResNet-8 of width 2 on synthetic images of 8x8. */
const SMALL = {
  name: 'small',
  data: {
    dataset: 'synthetic',
    train_images: 64,
    validation_images: 20,
    height: 8,
    width: 8,
    channels: 1,
    classes: 3,
    batch_size: 16,
  },
  model: { name: 'resnet8', width: 2 },
  schedule: { epochs: 2, decay: 'constant' },
  engine: 'wasm',
};

type Part = Record<string, unknown>;
type Changes = { readonly data?: Part; readonly model?: Part; readonly schedule?: Part } & Part;

/** An experiment like SMALL but for `changes`, each merged into its part. */
export function smallExperiment(changes: Changes = {}): Record<string, unknown> {
  const merged = Object.entries(changes).map(([part, change]) => {
    const plain = SMALL[part as keyof typeof SMALL];
    return [part, typeof plain === 'object' ? { ...plain, ...(change as object) } : change];
  });
  return { ...SMALL, ...Object.fromEntries(merged) };
}

/** The recipe of a small experiment. */
export function smallRecipe(changes: Changes = {}): Recipe {
  const resolution = resolve(experimentSchema.parse(smallExperiment(changes)));
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}
