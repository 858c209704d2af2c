import { describe, expect, test } from 'vitest';
import { manifestSchema } from '../../../src/protocol/manifest';
import { RECIPE_DEFAULTS, type Recipe, recipeKey, withDefaults } from '../../../src/recipe/recipe';
import { smallRecipe } from '../../support/smallTraining';

type Json = Record<string, unknown>;

/** Every field of an effect, for example gradients.maxNorm. */
type Field = readonly [part: string, field?: string];
const FIELDS: readonly Field[] = Object.entries(RECIPE_DEFAULTS).flatMap(([part, value]): readonly Field[] =>
  typeof value === 'object' && value !== null
    ? Object.keys(value).map((field): Field => [part, field])
    : [[part]],
);

/** Returns a recipe as stored by a version of the product without a field. */
function before(recipe: Recipe, [part, field]: Field): Recipe {
  const stored: Json = structuredClone(recipe) as unknown as Json;
  if (field === undefined) delete stored[part];
  else delete (stored[part] as Json)[field];
  return stored as unknown as Recipe;
}

/** Returns the recipe with another value in a field. */
function withOther(recipe: Recipe, [part, field]: Field): Recipe {
  const other: Json = structuredClone(recipe) as unknown as Json;
  if (field === undefined) other[part] = 'other';
  else (other[part] as Json)[field] = 'other';
  return other as unknown as Recipe;
}

const plain = smallRecipe();

describe.each(FIELDS.map((field) => ({ field, name: field.join('.') })))('the effect $name', ({ field }) => {
  const older = before(plain, field);

  test('is not in the key of a recipe that has its default', () => {
    expect(recipeKey(older)).toBe(recipeKey(plain));
  });

  test('enters the key of a recipe that has another value', () => {
    expect(recipeKey(withOther(plain, field))).not.toBe(recipeKey(plain));
  });

  test('is read from an older run as its default', () => {
    expect(withDefaults(older)).toEqual(plain);
    const manifest = {
      version: 1,
      id: 'older',
      name: 'older',
      createdAt: 0,
      endedAt: null,
      experiment: { file: 'a.experiment.yaml', text: '' },
      recipe: older,
      engine: null,
      versions: {},
      state: { status: 'queued' },
    };
    expect(manifestSchema.parse(manifest).recipe).toEqual(plain);
  });
});

test.each([
  { label_smoothing: true },
  { mixup: true },
  { random_erasing: true },
  { zero_gamma: true },
  { gradient_accumulation: { batches: 2 } },
  { gradient_clipping: true },
  { sam: true },
  { ema: true },
  { lars: true },
  { no_bias_decay: true },
])('%j has its own key', (tricks) => {
  expect(recipeKey(smallRecipe({ tricks, optimizer: { weight_decay: 0.1 } }))).not.toBe(
    recipeKey(smallRecipe({ optimizer: { weight_decay: 0.1 } })),
  );
});

test('name, tricks, seed and engine are not in the key, nor is the order of fields', () => {
  const { name, ...rest } = plain;
  expect(recipeKey({ ...rest, name: `${name} 2`, tricks: ['warmup'], seed: 9, engine: 'cpu' })).toBe(
    recipeKey(plain),
  );
});

test('a recipe is read from the top: its name, its tricks, its data, and so on', () => {
  expect(Object.keys(smallRecipe({ tricks: { warmup: { epochs: 1 }, label_smoothing: true } }))).toEqual([
    ...[
      'version',
      'name',
      'tricks',
      'data',
      'model',
      'initialization',
      'loss',
      'parameterGroups',
      'gradients',
    ],
    ...['optimizer', 'averaging', 'precision', 'epochs', 'schedule', 'seed', 'engine'],
  ]);
  expect(Object.keys(plain.data)).toEqual([
    ...['source', 'dataset', 'batchSize', 'augment', 'shuffle'],
    ...['images', 'sampling', 'erasing', 'mixing'],
  ]);
});
