/** The small training of all tests: as an experiment, as its recipe, and as a file that a program reads. */
import { resolve } from '../../src/experiment/resolve';
import { experimentSchema } from '../../src/experiment/schema';
import type { Recipe } from '../../src/recipe/recipe';

/** A training that takes well under a second: a ResNet-8 of width 2 on synthetic images of 8x8. */
const SMALL = {
  name: 'small',
  data: {
    dataset: 'synthetic',
    train_images: 64,
    // Not a multiple of the batch.
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

/** That of a file: as a person might write it, for whichever engine. */
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
  return resolvedRecipe(smallExperiment(changes));
}

/**
 * The recipe of an experiment as it stands in a file.
 *
 * @throws where it is no experiment, or its tricks do not fit it
 */
export function resolvedRecipe(experiment: unknown): Recipe {
  const resolution = resolve(experimentSchema.parse(experiment));
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}

/**
 * SMALL_FILE as YAML, a line for each part; `changes` replace what stands after a line's key, add a line, or where
 * undefined leave it out.
 */
export function experimentText(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const lines = Object.entries(SMALL_FILE).map(([key, value]) => [key, flowText(value)] as const);
  return Object.entries({ ...Object.fromEntries(lines), ...changes })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

/** A mapping of plain values in YAML's flow style. */
function flowText(value: object | string): string {
  if (typeof value === 'string') return value;
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${each}`)
    .join(', ')} }`;
}
