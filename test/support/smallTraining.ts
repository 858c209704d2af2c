/** The small training shared by all tests: as an experiment, as its recipe, and as an experiment file. */
import { resolve } from '../../src/experiment/resolve';
import { experimentSchema } from '../../src/experiment/schema';
import type { Recipe } from '../../src/recipe/recipe';

/** Trains in well under a second: a ResNet-8 of width 2 on synthetic 8x8 images. */
const SMALL = {
  name: 'small',
  data: {
    dataset: 'synthetic',
    train_images: 64,
    // Not a multiple of the batch size.
    validation_images: 20,
    height: 8,
    width: 8,
    classes: 3,
    batch_size: 16,
  },
  model: { name: 'resnet8', width: 2 },
  schedule: { epochs: 2, decay: 'constant' },
  engine: 'wasm',
};

/** The same as a file: as a person might write it, for any engine. */
export const SMALL_FILE = {
  name: SMALL.name,
  data: { ...SMALL.data, validation_images: 32, classes: 4 },
  model: { ...SMALL.model, width: 4 },
  optimizer: { name: 'sgd', base_lr: 0.1 },
  schedule: { ...SMALL.schedule, decay: 'cosine' },
  tricks: { zero_gamma: true },
};

type Part = Record<string, unknown>;
type Changes = { readonly data?: Part; readonly model?: Part; readonly schedule?: Part } & Part;

/** Returns an experiment like SMALL, with `changes` merged into its parts. */
export function smallExperiment(changes: Changes = {}): Record<string, unknown> {
  const merged = Object.entries(changes).map(([part, change]) => {
    const plain = SMALL[part as keyof typeof SMALL];
    return [part, typeof plain === 'object' ? { ...plain, ...(change as object) } : change];
  });
  return { ...SMALL, ...Object.fromEntries(merged) };
}

/** Returns the recipe of a small experiment. */
export function smallRecipe(changes: Changes = {}): Recipe {
  return resolvedRecipe(smallExperiment(changes));
}

/**
 * Returns the recipe of an experiment as written in a file.
 *
 * @throws if it is not an experiment or its tricks do not fit
 */
export function resolvedRecipe(experiment: unknown): Recipe {
  const resolution = resolve(experimentSchema.parse(experiment));
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}

/**
 * Returns SMALL_FILE as YAML with one line per part. `changes` replace the text after a line's key, add a line, or
 * remove it if undefined.
 */
export function experimentText(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const lines = Object.entries(SMALL_FILE).map(([key, value]) => [key, flowText(value)] as const);
  return Object.entries({ ...Object.fromEntries(lines), ...changes })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

/** Formats a mapping of plain values in YAML flow style. */
function flowText(value: object | string): string {
  if (typeof value === 'string') return value;
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${each}`)
    .join(', ')} }`;
}
