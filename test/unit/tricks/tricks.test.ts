import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chosenTricks, plainDraft, resolve, withTricks } from '../../../src/experiment/resolve';
import { experimentSchema } from '../../../src/experiment/schema';
import { finalize } from '../../../src/recipe/draft';
import { valueAt } from '../../../src/shared/values';
import {
  ALL_TRICKS,
  excludeEachOther,
  TRICKS,
  type TrickName,
  tricksAgainst,
} from '../../../src/tricks/registry';

function experimentOf(parts: object = {}) {
  return experimentSchema.parse({
    name: 'a',
    data: {
      dataset: 'synthetic',
      train_images: 10_240,
      batch_size: 1024,
      height: 32,
      width: 32,
      channels: 3,
    },
    model: { name: 'resnet20' },
    optimizer: { base_lr: 0.1 },
    schedule: { epochs: 120 },
    ...parts,
  });
}

/** Returns a trick's effect text, with its options' defaults and those of other tricks already applied. */
function effectOf(name: TrickName, parts: object = {}): string {
  const trick = ALL_TRICKS.find((each) => each.name === name)!;
  const experiment = experimentOf(parts);
  const others = chosenTricks(experiment).filter((each) => each.trick !== trick);
  const draft = withTricks(plainDraft(experiment), others);
  return trick.effect(draft, trick.options.parse({}));
}

describe('a trick describes its effect in numbers', () => {
  test('linear scaling: the learning rate before and after', () => {
    expect(effectOf('linear_scaling')).toBe('0.1 at 256 gives 0.4 at 1024');
  });

  test('warmup: the learning rate it ends at and its steps, after linear scaling', () => {
    expect(effectOf('warmup')).toBe('LR rises from 0 to 0.1 over 50 steps');
    expect(effectOf('warmup', { tricks: { linear_scaling: true } })).toBe(
      'LR rises from 0 to 0.4 over 50 steps',
    );
  });

  test('zero gamma: the blocks, 3 in each of 3 stages', () => {
    expect(effectOf('zero_gamma')).toBe('9 residual blocks start as their shortcut');
  });

  test('no bias decay: all but the kernels of 19 + 2 convolutions and the classifier', () => {
    // Two tensors for each of 21 norms, plus the classifier's bias.
    expect(effectOf('no_bias_decay')).toBe(
      `${21 * 2 + 1} of ${21 * 3 + 2} tensors train without weight decay`,
    );
  });
});

describe('a trick changes its own part of the recipe', () => {
  const recipe = (tricks: object, parts: object = {}) => {
    const resolution = resolve(experimentOf({ ...parts, tricks }));
    if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
    return resolution.recipe;
  };
  const plain = recipe({});

  test('linear scaling: the peak learning rate', () => {
    const { schedule, ...rest } = recipe({ linear_scaling: true });
    expect(schedule).toEqual({ ...plain.schedule, peakLearningRate: 0.4 });
    expect({ ...rest, tricks: [], schedule: plain.schedule }).toEqual(plain);
  });

  test('warmup: the steps of warmup', () => {
    expect(recipe({ warmup: { epochs: 2.5 } })).toEqual({
      ...plain,
      tricks: ['warmup'],
      schedule: { ...plain.schedule, warmup: { steps: 25, countFrom: 0, update: 'step' } },
    });
  });

  test('zero gamma: the initialization', () => {
    expect(recipe({ zero_gamma: true })).toEqual({
      ...plain,
      tricks: ['zero_gamma'],
      initialization: { ...plain.initialization, zeroGamma: true },
    });
  });

  test('zero gamma: nothing if weights are loaded, and the recipe does not name it', () => {
    const init = 'weights.pth';
    expect(recipe({ zero_gamma: true }, { init })).toEqual(recipe({}, { init }));
    expect(effectOf('zero_gamma', { init })).toBe('idle: the weights in init include their own gammas');
  });

  test('no bias decay: the parameter groups', () => {
    expect(recipe({ no_bias_decay: true }, { optimizer: { weight_decay: 0.002 } }).parameterGroups).toEqual([
      { name: 'decay', kinds: ['kernel'], weightDecay: 0.002 },
      { name: 'no_decay', kinds: ['bias', 'gamma', 'beta'], weightDecay: 0 },
    ]);
  });

  test('a disabled one changes nothing', () => {
    expect(recipe({ warmup: false, zero_gamma: false })).toEqual(plain);
  });
});

test('warmup longer than the training is a problem at its epochs', () => {
  const resolution = resolve(experimentOf({ schedule: { epochs: 3 }, tricks: { warmup: { epochs: 4 } } }));
  expect(resolution.ok ? [] : resolution.problems).toEqual([
    {
      path: ['tricks', 'warmup', 'epochs'],
      what: 'Warmup of 4 epochs is longer than the training of 3.',
      remedy: 'Use at most 3, or raise schedule.epochs.',
    },
  ]);
});

describe('tricks give the same recipe', () => {
  const parts = { model: { name: 'resnet50', width: 4 } };
  /** Options other than the defaults, and values that only a person can name. */
  const given: Partial<Record<TrickName, object>> = {
    linear_scaling: { base_batch_size: 128 },
    warmup: { epochs: 3, count_from: 1 },
    lars: { trust_coefficient: 0.002 },
    mixed_precision: { dtype: 'float16', growth_interval: 100 },
    distillation: { teacher: 'a-run', temperature: 4 },
    mixup: { alpha: 0.4 },
    cutmix: { probability: 0.5 },
    ema: { decay: 0.99 },
    random_erasing: { probability: 0.3 },
    gradient_clipping: { max_norm: 2 },
    sam: { rho: 0.1 },
  };
  /** Every trick except those that an earlier one excludes. */
  const compatible = ALL_TRICKS.filter(
    (trick, index) => !ALL_TRICKS.slice(0, index).some((other) => excludeEachOther(other, trick)),
  );
  const choices: Readonly<Record<string, unknown>> = Object.fromEntries(
    compatible.map(({ name }) => [name, given[name] ?? true]),
  );
  const all = Object.entries(choices);

  test('in any order of their keys', () => {
    const expected = resolve(experimentOf({ ...parts, tricks: choices }));
    expect(expected.ok).toBe(true);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        expect(resolve(experimentOf({ ...parts, tricks: Object.fromEntries(shuffled) }))).toEqual(expected);
      }),
    );
  });

  test('in any order they are applied in', () => {
    const experiment = experimentOf({ ...parts, tricks: choices });
    const orders = fc
      .shuffledSubarray(chosenTricks(experiment))
      .chain((some) => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })));
    const recipeOf = (tricks: ReturnType<typeof chosenTricks>) =>
      finalize(
        tricks.reduce((draft, { trick, options }) => trick.apply(draft, options), plainDraft(experiment)),
      );
    fc.assert(
      fc.property(orders, ([one, other]) => {
        expect(recipeOf(other)).toEqual(recipeOf(one));
      }),
    );
  });
});

describe.each(ALL_TRICKS.map((trick) => [trick.name, trick] as const))('%s', (name, trick) => {
  test('is registered under its own name, with words, a formula and evidence', () => {
    expect(TRICKS[name].name).toBe(name);
    for (const words of [trick.title(), trick.summary(), trick.formula, trick.source])
      expect(words).not.toBe('');
    for (const { without, with: applied, setting } of trick.evidence) {
      expect(setting).not.toBe('');
      for (const accuracy of [without, applied]) {
        expect(accuracy).toBeGreaterThan(50);
        expect(accuracy).toBeLessThan(100);
      }
    }
  });

  test('writes no key that a draft does not have', () => {
    const parts = { model: { name: 'resnet50', width: 4 } };
    const plain = plainDraft(experimentOf(parts));
    const keysOf = (draft: object) =>
      Object.entries(draft).flatMap(([key, part]) =>
        // Models have their own options.
        key !== 'model' && typeof part === 'object' && part !== null && !Array.isArray(part)
          ? [key, ...Object.keys(part).map((field) => `${key}.${field}`)]
          : [key],
      );
    const applied = trick.apply(plain, trick.options.parse({}));
    // Optimizers, averages and precisions are replaced as a whole.
    const merged = keysOf(applied).filter((key) => !/^(optimizer|averaging|precision)\./.test(key));
    expect(keysOf(plain)).toEqual(expect.arrayContaining(merged));
  });

  test('is anchored at a key of the experiment', () => {
    expect(
      valueAt({ ...experimentOf(), optimizer: { ...experimentOf().optimizer, name: 'sgd' } }, trick.anchor),
    ).toBeDefined();
  });

  test.each([1, 3, 24, 120, 350])('inserts what can be trained in %i epochs', (epochs) => {
    const parts = { schedule: { epochs }, model: { name: 'resnet50', width: 4 } };
    const tricks = { [name]: trick.insertion(plainDraft(experimentOf(parts))) };
    const resolution = resolve(experimentOf({ ...parts, tricks }));
    // Only a person can name a teacher.
    const expected = name === 'distillation' ? [['tricks', 'distillation', 'teacher']] : [];
    expect(resolution.ok ? [] : resolution.problems.map(({ path }) => path)).toEqual(expected);
  });
});

describe('tricks that exclude each other', () => {
  const problemsOf = (parts: object) => {
    const resolution = resolve(experimentOf(parts));
    return resolution.ok ? [] : resolution.problems;
  };

  test('LARS and LAMB: reported once', () => {
    expect(problemsOf({ tricks: { lamb: true, lars: true } })).toEqual([
      { path: ['tricks', 'lamb'], what: 'lamb cannot be combined with lars.', remedy: 'Remove one of them.' },
    ]);
  });

  test.each(['lars', 'lamb'])('%s replaces SGD and no other optimizer', (name) => {
    expect(problemsOf({ tricks: { [name]: true } })).toEqual([]);
    expect(problemsOf({ optimizer: { name: 'adam' }, tricks: { [name]: true } })).toEqual([
      {
        path: ['tricks', name],
        what: `${name} replaces SGD, but the optimizer is adam.`,
        remedy: 'Remove optimizer.name, or this trick.',
      },
    ]);
  });

  test.each(['resnet_b', 'resnet_c', 'resnet_d'])('%s and a model that is no ResNet for ImageNet', (name) => {
    expect(problemsOf({ tricks: { [name]: true } }).map(({ path }) => path)).toEqual([['tricks', name]]);
  });

  test('what a trick excludes or implies is a trick, and an exclusion is said by one of the two', () => {
    for (const { name, excludes = [], implies = [] } of ALL_TRICKS) {
      for (const other of [...excludes, ...implies]) expect(Object.keys(TRICKS)).toContain(other);
      for (const other of excludes) {
        expect(TRICKS[other as TrickName].name).not.toBe(name);
        expect(ALL_TRICKS.find((each) => each.name === other)?.excludes ?? []).not.toContain(name);
      }
    }
  });

  test('an exclusion holds both ways', () => {
    for (const trick of ALL_TRICKS) {
      for (const name of trick.excludes ?? []) {
        const other = TRICKS[name as TrickName];
        expect(excludeEachOther(trick, other)).toBe(true);
        expect(excludeEachOther(other, trick)).toBe(true);
      }
    }
  });
});

describe('what a failed training recommends', () => {
  test.each(['divergence', 'overflow'] as const)('against %s: tricks that it does not have', (trouble) => {
    const all = tricksAgainst(trouble, []);
    expect(all).not.toEqual([]);
    for (const name of all) expect(tricksAgainst(trouble, [name])).not.toContain(name);
  });
});

describe('the tweaks of ResNet', () => {
  const variantOf = (tricks: object) => {
    const resolution = resolve(experimentOf({ model: { name: 'resnet50', width: 4 }, tricks }));
    return resolution.ok && 'variant' in resolution.recipe.model && resolution.recipe.model.variant;
  };

  test('each includes those before it', () => {
    expect(variantOf({})).toBe('A');
    expect(variantOf({ resnet_b: true })).toBe('B');
    expect(variantOf({ resnet_c: true })).toBe('C');
    expect(variantOf({ resnet_d: true })).toBe('D');
    expect(variantOf({ resnet_d: true, resnet_b: true })).toBe('D');
  });

  test('change the multiply-adds as in the paper', () => {
    const resnet50 = {
      data: { dataset: 'synthetic', height: 224, width: 224, channels: 3, classes: 1000 },
      model: { name: 'resnet50' },
    };
    expect(effectOf('resnet_b', resnet50)).toBe('multiply-adds per image 3858 to 4089 M');
    expect(effectOf('resnet_d', resnet50)).toBe('multiply-adds per image 3858 to 4329 M');
    expect(effectOf('resnet_b', { ...resnet50, model: { name: 'resnet18' } })).toBe(
      'idle: resnet18-A already includes it',
    );
    // Average pooling in the shortcut adds no multiply-adds, but the network is still a different one.
    const resnet50C = { ...resnet50, model: { name: 'resnet50', variant: 'C' } };
    expect(effectOf('resnet_d', resnet50C)).toBe('multiply-adds per image 4329 to 4329 M');
    expect(effectOf('resnet_b', resnet50C)).toBe('idle: resnet50-C already includes it');
  });
});

describe('gradient accumulation', () => {
  test('makes steps that linear scaling uses', () => {
    const tricks = { linear_scaling: true, gradient_accumulation: { batches: 4 } };
    const resolution = resolve(
      experimentOf({ data: { dataset: 'synthetic', train_images: 10_240, batch_size: 256 }, tricks }),
    );
    expect(resolution.ok && resolution.recipe.schedule).toMatchObject({
      peakLearningRate: 0.4,
      stepsPerEpoch: 10,
      totalSteps: 1200,
    });
  });

  test('of more images than there are is a problem at its batches', () => {
    const resolution = resolve(experimentOf({ tricks: { gradient_accumulation: { batches: 11 } } }));
    expect(resolution.ok ? [] : resolution.problems).toEqual([
      {
        path: ['tricks', 'gradient_accumulation', 'batches'],
        what: '11 batches of 1024 exceed the 10240 training images.',
        remedy: 'Use at most 10.',
      },
    ]);
  });
});

test('a model written for other images or classes than the data has is reported at its place', () => {
  const model = { name: 'resnet18', input_size: 224, classes: 1000 };
  const resolution = resolve(experimentOf({ model }));
  expect(resolution.ok ? [] : resolution.problems).toEqual([
    {
      path: ['model', 'input_size'],
      what: 'resnet18 expects images of 224 pixels, but those of synthetic are 32 x 32.',
      remedy: 'Remove it: the data set defines the size.',
      fix: { type: 'remove' },
    },
    {
      path: ['model', 'classes'],
      what: 'resnet18 is set to 1000 classes, but synthetic has 10.',
      remedy: 'Remove it: the data set defines the number.',
      fix: { type: 'remove' },
    },
  ]);
  expect(resolve(experimentOf({ model: { ...model, input_size: 32, classes: 10 } })).ok).toBe(true);
});

describe('half precision says how it is computed', () => {
  test.each([
    ['wasm', 'emulated'],
    ['cpu', 'emulated'],
    ['tensorflow-gpu', 'native'],
    ['tensorflow', 'emulated_unless_native'],
    ['auto', 'emulated_unless_native'],
  ])('on %s: %s', (engine, execution) => {
    const resolution = resolve(experimentOf({ engine, tricks: { mixed_precision: true } }));
    expect(resolution.ok && resolution.recipe.precision).toEqual({
      compute: 'float16',
      execution,
      lossScale: {
        kind: 'dynamic',
        initial: 65536,
        growthFactor: 2,
        backoffFactor: 0.5,
        growthInterval: 2000,
      },
    });
  });

  test('bfloat16 has no loss scale', () => {
    const tricks = { mixed_precision: { dtype: 'bfloat16' } };
    const resolution = resolve(experimentOf({ engine: 'wasm', tricks }));
    expect(resolution.ok && resolution.recipe.precision).toEqual({
      compute: 'bfloat16',
      execution: 'emulated',
    });
  });
});
