import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolve } from '../../../src/experiment/resolve';
import { experimentSchema } from '../../../src/experiment/schema';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { foreignFits } from '../../../src/insight/foreignFits';
import { commandLine } from '../../../src/interop/export/commandLine';
import type { SystemName } from '../../../src/interop/export/system';
import { readForeign } from '../../../src/interop/import/adapters';
import { weightDecayOf } from '../../../src/recipe/parameterGroups';
import type { Recipe } from '../../../src/recipe/recipe';
import type { Known } from '../../../src/tricks/elsewhere/mapping';

// The command exported from a recipe reads back as the recipe's numbers.

const IMAGES = {
  dataset: 'synthetic',
  train_images: 1_281_167,
  validation_images: 50_000,
  height: 224,
  width: 224,
  classes: 1000,
};

function recipeOf(tricks: object, model: object): Recipe {
  const resolution = resolve(
    experimentSchema.parse({
      name: 'a',
      data: { ...IMAGES, batch_size: 128 },
      model,
      optimizer: { base_lr: 0.1, weight_decay: 0.0001 },
      schedule: { epochs: 90 },
      tricks,
    }),
  );
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}

/** Exports a recipe as a system's command and reads it back, with the facts of its images, which no command states. */
function readBack(system: SystemName, recipe: Recipe): Recipe {
  const text = commandLine(system, recipe);
  const found = readForeign(text, 'train.sh');
  if (found?.adapter.system !== system || 'unread' in found.file) throw new Error(`Not read: ${text}`);
  const { adapter, file } = found;
  const told = adapter.experiment(file.settings, 'train.sh');
  const tricks = Object.entries(adapter.tricks).flatMap(([name, mapping]) => {
    const options = mapping.fits?.(file.settings) === false ? null : mapping.read(file.settings);
    return options ? [[name, { ...options, ...mapping.more?.(file.settings) }]] : [];
  });
  const value = <Value>(part: Known<Value>): Value => {
    if (!part.known) throw new Error(`${part.why} ${text}`);
    return part.value;
  };
  const resolution = resolve(
    experimentSchema.parse({
      name: 'a',
      data: { ...IMAGES, batch_size: value(told.batchSize) },
      model: value(told.model),
      optimizer: {
        name: value(told.optimizer),
        base_lr: value(told.baseLearningRate),
        weight_decay: value(told.weightDecay),
      },
      schedule: { epochs: value(told.epochs) },
      tricks: Object.fromEntries(tricks),
    }),
  );
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.recipe;
}

/** Returns the numbers of a recipe that tricks affect, with the digits that files have. */
function numbersOf(recipe: Recipe) {
  const { loss, gradients, data, averaging, schedule, precision, optimizer, model, initialization } = recipe;
  const rounded = (value: number) => Number(value.toPrecision(6));
  return {
    labelSmoothing: loss.labelSmoothing,
    maxNorm: gradients.maxNorm,
    imagesInStep: data.batchSize * gradients.accumulation,
    mixing: data.mixing,
    erasing: data.erasing,
    averaging: averaging && {
      horizon: Number((1 / (1 - averaging.decay)).toPrecision(3)),
      warmup: averaging.warmup,
    },
    peakLearningRate: rounded(schedule.peakLearningRate),
    warmup: schedule.warmup.steps,
    steps: schedule.totalSteps,
    isCosine: schedule.decay.name === 'cosine',
    compute: precision.compute,
    optimizer: optimizer.name === 'sgd' ? 'sgd' : optimizer,
    model,
    zeroGamma: initialization.zeroGamma,
    decay: weightDecayOf(recipe.parameterGroups),
  };
}

const sometimes = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: false as const, freq: 2 });
const share = (min: number, max: number) =>
  fc.integer({ min: Math.round(min * 1000), max: Math.round(max * 1000) }).map((each) => each / 1000);

/** Tricks of one recipe that both systems have. */
const SHARED = {
  linear_scaling: sometimes(fc.record({ base_batch_size: fc.constantFrom(64, 256, 512) })),
  warmup: sometimes(fc.record({ epochs: fc.integer({ min: 1, max: 10 }) })),
  no_bias_decay: fc.boolean(),
  cosine_decay: fc.boolean(),
  mixup: sometimes(fc.record({ alpha: share(0.1, 1) })),
  gradient_clipping: sometimes(fc.record({ max_norm: share(0.5, 5) })),
  // This trick is always on, so that something is read.
  label_smoothing: fc.record({ epsilon: share(0.01, 0.5) }),
};
const averagingOf = (warmup: fc.Arbitrary<boolean>) =>
  sometimes(fc.record({ decay: fc.constantFrom(0.9, 0.99, 0.999, 0.9997, 0.9999, 0.99998), warmup }));
const erasingOf = (maxArea: number) =>
  sometimes(fc.record({ probability: share(0.1, 1), max_area: fc.constant(maxArea) }));

/** The tricks that each system supports. */
const TRICKS: Readonly<Record<SystemName, fc.Arbitrary<object>>> = {
  timm: fc
    .record({
      ...SHARED,
      zero_gamma: fc.boolean(),
      mixed_precision: sometimes(fc.record({ dtype: fc.constantFrom('float16', 'bfloat16') })),
      cutmix: sometimes(fc.record({ alpha: share(0.1, 1), probability: share(0.1, 1) })),
      ema: averagingOf(fc.boolean()),
      stochastic_depth: sometimes(fc.record({ rate: share(0.05, 0.5) })),
      random_erasing: erasingOf(1 / 3),
      gradient_accumulation: sometimes(fc.record({ batches: fc.integer({ min: 2, max: 8 }) })),
      resnet_d: fc.boolean(),
      lars: sometimes(fc.record({ momentum: share(0.1, 0.95), trust_coefficient: share(0.001, 0.01) })),
      lamb: sometimes(fc.record({ beta1: share(0.5, 0.95), beta2: share(0.9, 0.999) })),
    })
    .map((tricks) => ({
      ...tricks,
      lamb: tricks.lars ? false : tricks.lamb,
      cutmix: tricks.cutmix && { ...tricks.cutmix, ...(tricks.mixup ? { probability: 1 } : {}) },
    })),
  torchvision: fc.record({
    ...SHARED,
    mixed_precision: fc.boolean(),
    cutmix: sometimes(fc.record({ alpha: share(0.1, 1) })),
    ema: averagingOf(fc.constant(false)),
    random_erasing: erasingOf(0.33),
  }),
};

describe.each(['timm', 'torchvision'] as const)("a recipe's command for %s", (system) => {
  test('is parsed back into the numbers of the recipe', () => {
    fc.assert(
      fc.property(TRICKS[system], (tricks) => {
        const recipe = recipeOf(tricks, { name: 'resnet50', variant: 'B' });
        expect(numbersOf(readBack(system, recipe))).toEqual(numbersOf(recipe));
      }),
      { numRuns: 40 },
    );
  });
});

describe('the numbers of a file', () => {
  const HEAD =
    'model: resnet50\nbatch_size: 128\nlr: 0.1\nepochs: 100\nweight_decay: 0.0001\nsmoothing: 0.1\nremode: pixel\n';
  /** Returns the effect text of a trick's lens. */
  const effectIn = (text: string, fileName: string, name: string) =>
    foreignFits(text, fileName)
      ?.fits.find(({ trick }) => trick.name === name)
      ?.effect();

  test("are those of torchvision's average: 1 - decay times images and steps between updates, by epochs", () => {
    const flags =
      '--lr-gamma 0.1 --lr-step-size 30 --batch-size 32 --epochs 90 --model-ema --model-ema-decay 0.9999';
    // 1 - (1 - 0.0001 x 8 x 32 x 32 / 90) ^ (1 / 32) = 1 / 3500.
    const script = `torchrun --nproc_per_node=8 train.py ${flags} --model-ema-steps 32\n`;
    expect(effectIn(script, 'a.sh', 'ema')).toBe('over about 3,500 steps');
    expect(effectIn(script.replace(' --model-ema-steps 32', ''), 'a.sh', 'ema')).toContain('about 3,500 ');
  });

  test('are written as they are read', () => {
    const script =
      'torchrun --nproc_per_node=8 train.py --lr-gamma 0.1 --lr-step-size 30 --batch-size 32 --epochs 90\n';
    const offered = foreignFits(script, 'a.sh')?.fits.find(({ trick }) => trick.name === 'ema');
    const edit = offered?.toggle({});
    if (!edit?.ok) throw new Error('The average can be put in.');
    const after = applyEdits(script, edit.edits);
    const inFile = foreignFits(after, 'a.sh')?.fits.find(({ trick }) => trick.name === 'ema');
    expect(inFile?.effect()).toBe(offered?.effect());
    // Of the lens's options, the file can express only the decay.
    expect(inFile?.options().map(({ name }) => name)).toEqual(['decay']);
  });

  test.each([
    ['amp: true\namp_dtype: bfloat16\n', 'mixed_precision', 'bfloat16'],
    ['reprob: 0.25\n', 'random_erasing', '25% of images lose 2% to 33.33% of their area'],
    ['cutmix: 1.0\nmixup_prob: 0.5\n', 'cutmix', '50% of batches patched, λ from Beta(1, 1)'],
    [
      'warmup_epochs: 10\nwarmup_prefix: true\nsched: cosine\n',
      'cosine_decay',
      'LR falls from 0.1 to 0 over 100 epochs',
    ],
  ])('of timm are those that its train.py uses: %j', (lines, name, effect) => {
    const text = `${HEAD}${lines}`;
    expect(effectIn(text, 'args.yaml', name)).toBe(effect);
  });

  test('of timm say if weight decay applies to all parameters', () => {
    const text = HEAD;
    const fitOf = (of: string) =>
      foreignFits(of, 'args.yaml')?.fits.find(({ trick }) => trick.name === 'no_bias_decay');
    expect(fitOf(text)).toMatchObject({ isIn: true });
    const forAll = fitOf(`${text}opt_kwargs: { filter_bias_and_bn: false }\n`);
    expect(forAll).toMatchObject({ isIn: false });
    expect(forAll?.obstacle()).toBeNull();
  });

  test("of torchvision ignore a warmup that keeps the learning rate low, which is train.py's default", () => {
    const script = 'python train.py --model resnet50 --lr-gamma 0.1 --lr-warmup-epochs 5\n';
    const isIn = (of: string) =>
      foreignFits(of, 'a.sh')?.fits.find(({ trick }) => trick.name === 'warmup')?.isIn;
    expect(isIn(script)).toBe(false);
    expect(isIn(`${script.trim()} --lr-warmup-method linear\n`)).toBe(true);
  });
});
