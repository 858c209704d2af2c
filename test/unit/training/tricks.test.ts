import { isDeepStrictEqual } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { plainDraft } from '../../../src/experiment/resolve';
import { experimentSchema } from '../../../src/experiment/schema';
import { graphOf } from '../../../src/recipe/draft';
import type { Recipe } from '../../../src/recipe/recipe';
import { learningRateAt } from '../../../src/recipe/schedule';
import { openDataset } from '../../../src/training/data/open';
import { startedEvent } from '../../../src/training/loop/loop';
import { initialValues } from '../../../src/training/network/initialization';
import { Random } from '../../../src/training/random';
import { ALL_TRICKS, TRICKS, type TrickName } from '../../../src/tricks/registry';
import type { Trick } from '../../../src/tricks/trick';
import { resolvedRecipe, smallExperiment, smallRecipe } from '../../support/smallTraining';
import { type Outcome, trainHere } from '../support/trainHere';

beforeAll(async () => {
  await loadEngine('wasm');
});

describe('what other tricks change in training', () => {
  const weightsOf = ({ snapshots }: Outcome) =>
    snapshots.at(-1)!.tensors.map(({ name, values }) => [name, [...values]]);

  test('an overflowing step changes no weight, no moment, no average, no statistic and no position in the schedule, and is counted', async () => {
    const schedule = { epochs: 2, decay: 'cosine' };
    const tricks = { ema: true, warmup: { epochs: 1 } };
    const overflowing = { ...tricks, mixed_precision: { loss_scale: 1e30 } };
    const { steps, snapshots, final } = await trainHere(smallRecipe({ schedule, tricks: overflowing }));
    expect(final.type).toBe('done');
    expect(steps.map(({ overflows }) => overflows)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(steps.map(({ learningRate }) => learningRate))).toEqual(new Set([0]));
    const [first, last] = [snapshots[0]!, snapshots.at(-1)!];
    expect(last.tensors).toEqual(first.tensors);
    expect(last.trainingTensors).toEqual(first.trainingTensors);
    expect(last.state.optimizerCount).toBe(0);
    expect(last.state.averageUpdates).toBe(0);
    const statistics = last.tensors.filter(({ name }) => name.includes('running_mean'));
    expect(statistics.every(({ values }) => values.every((value) => value === 0))).toBe(true);
  });

  test('a dynamic loss scale backs off until gradients fit, and the schedule starts with the first step that moves', async () => {
    const recipe = smallRecipe({
      schedule: { epochs: 3, decay: 'cosine' },
      tricks: { mixed_precision: { initial_scale: 2 ** 40, backoff_factor: 2 ** -12 } },
    });
    const { steps, epochs } = await trainHere(recipe);
    const overflows = steps.at(-1)!.overflows!;
    expect(overflows).toBeGreaterThan(0);
    expect(overflows).toBeLessThan(5);
    expect(steps.at(-1)!.lossScale).toBe(2 ** (40 - 12 * overflows));
    expect(steps.map(({ learningRate }) => learningRate)).toEqual(
      steps.map(({ step }) => learningRateAt(recipe.schedule, Math.max(step - overflows, 0))),
    );
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(epochs[0]!.trainLoss);
  });

  test('a dynamic loss scale may fall as often as it takes, as in PyTorch', async () => {
    const recipe = smallRecipe({
      schedule: { epochs: 20 },
      tricks: { mixed_precision: { initial_scale: 2 ** 80, growth_interval: 1000 } },
    });
    const { steps, final } = await trainHere(recipe);
    expect(steps.at(-1)!.overflows).toBeGreaterThan(41);
    expect(steps.at(-1)!.lossScale).toBeGreaterThan(1);
    expect(final.type).toBe('done');
  });

  test.each([
    [
      'a dynamic scale that falls too low',
      { mixed_precision: { initial_scale: 2 ** 60, backoff_factor: 2 ** -40 } },
      {
        what: 'The gradients overflowed in 2 consecutive steps, up to step 1: the loss scale fell from its initial_scale 1153000000000000000 to 9.537e-7, which is too low to help.',
        remedy:
          'Use the dtype bfloat16, a lower initial_scale, such as 65536, the trick gradient_clipping, or a lower optimizer.base_lr.',
      },
    ],
    [
      'a static one, clipped',
      { mixed_precision: { loss_scale: 1e30 }, gradient_clipping: true },
      {
        what: 'The gradients overflowed in 41 consecutive steps at loss scale 1e+30, up to step 40.',
        remedy:
          'Use the dtype bfloat16, a dynamic or a lower loss_scale, or a lower optimizer.base_lr. The weights of the last complete epoch are kept.',
      },
    ],
  ])(
    'gradients that overflow step after step end the training, with %s, and the reason',
    async (...[, tricks, failure]) => {
      const { final } = await trainHere(smallRecipe({ schedule: { epochs: 11 }, tricks }));
      expect(final).toMatchObject({ type: 'failed', failure });
    },
  );

  test('half precision is reported as emulated if it is', async () => {
    const engine = await loadEngine('wasm');
    const recipe = smallRecipe({ tricks: { mixed_precision: true } });
    expect(startedEvent(recipe, engine)).toMatchObject({
      precision: { compute: 'float16', execution: 'emulated' },
    });
    expect(startedEvent(smallRecipe(), engine)).toMatchObject({ precision: { compute: 'float32' } });
  });

  test('a scale that cannot be lowered far enough ends the run with a reason', async () => {
    const recipe = smallRecipe({
      schedule: { epochs: 12 },
      tricks: { mixed_precision: { loss_scale: 1e30 } },
    });
    expect((await trainHere(recipe)).final).toMatchObject({ type: 'failed' });
  });

  test('accumulation: a step takes the mean gradient of its batches, which without batch norm is that of one large batch', async () => {
    const model = { name: 'mlp', hidden: [8] };
    const plain = { model, data: { batch_size: 32, shuffle: false }, schedule: { epochs: 3 } };
    const whole = await trainHere(mlpRecipe(plain));
    const accumulated = await trainHere(
      mlpRecipe({
        ...plain,
        data: { batch_size: 8, shuffle: false },
        tricks: { gradient_accumulation: { batches: 4 } },
      }),
    );
    expect(accumulated.steps).toHaveLength(whole.steps.length);
    for (const [index, { loss }] of accumulated.steps.entries()) {
      expect(loss).toBeCloseTo(whole.steps[index]!.loss, 4);
    }
  });

  test('an average is evaluated next to the weights, and saved', async () => {
    const { epochs, final, snapshots } = await trainHere(
      smallRecipe({ schedule: { epochs: 3 }, tricks: { ema: { decay: 0.9 } } }),
    );
    for (const epoch of epochs) {
      expect(epoch.averagedLoss).toBeGreaterThan(0);
      expect(epoch.averagedLoss).not.toBe(epoch.validationLoss);
    }
    expect(final.type === 'done' && final.result.averagedAccuracy).toBe(epochs.at(-1)!.averagedAccuracy);
    expect(snapshots.at(-1)!.trainingTensors.some(({ name }) => name.startsWith('average.'))).toBe(true);
  });

  test('shuffle: false takes the images in the order of the data set, every epoch', async () => {
    const recipe = smallRecipe({ data: { shuffle: false } });
    const dataset = await openDataset(recipe.data.source);
    const drawn: number[] = [];
    const train = {
      ...dataset.train,
      draw: (index: number, target: Uint8Array) => {
        drawn.push(index);
        dataset.train.draw(index, target);
      },
    };
    await trainHere(recipe, { dataset: { ...dataset, train } });
    const order = Array.from({ length: 64 }, (_, index) => index);
    expect(drawn).toEqual([...order, ...order]);
  });

  test('label smoothing: the first loss of ten classes that are guessed evenly stays, and a sure guess costs', async () => {
    const plain = await trainHere(smallRecipe({ schedule: { epochs: 6 } }));
    const smoothed = await trainHere(
      smallRecipe({ schedule: { epochs: 6 }, tricks: { label_smoothing: { epsilon: 0.3 } } }),
    );
    // Cross-entropy cannot fall below the entropy of its target: 0.8, 0.1 and 0.1.
    const entropy = -(0.8 * Math.log(0.8) + 0.2 * Math.log(0.1));
    for (const { loss } of smoothed.steps) expect(loss).toBeGreaterThan(entropy);
    expect(plain.steps.some(({ loss }) => loss < entropy)).toBe(true);
  });

  /** Options with which a trick shows within a few steps, and values that only a person can name. */
  const strong: Partial<Record<TrickName, object>> = {
    distillation: { teacher: 'given', temperature: 2 },
    mixup: { alpha: 1 },
    random_erasing: { probability: 1 },
    stochastic_depth: { rate: 0.5 },
    gradient_clipping: { max_norm: 0.01 },
    sam: { rho: 0.5 },
    warmup: { epochs: 1 },
    mixed_precision: { dtype: 'bfloat16' },
  };
  /** Returns a small experiment that the trick changes: a CIFAR-style model, or else one with ResNet's variants. */
  const changedBy = (name: TrickName) => {
    const models = [{}, { model: { name: 'resnet50', width: 2 }, data: { height: 32, width: 32 } }];
    const plain = models
      .map((parts) => ({ ...parts, optimizer: { base_lr: 0.002, weight_decay: 0.01 } }))
      .find((parts) => {
        const draft = plainDraft(experimentSchema.parse(smallExperiment(parts)));
        const options = TRICKS[name].options.parse(strong[name] ?? {});
        return (
          TRICKS[name].fits?.(draft) !== false &&
          (TRICKS[name] as Trick).problems((TRICKS[name] as Trick).apply(draft, options), options, draft)
            .length === 0
        );
      });
    if (!plain) throw new Error(`No small experiment takes ${name}`);
    return plain;
  };

  test.each(ALL_TRICKS.map(({ name }) => name))(
    '%s trains differently than without it, the same each time, and leaks no tensor',
    async (name) => {
      const before = tf.memory().numTensors;
      const parts = changedBy(name);
      const graph = graphOf(smallRecipe(parts));
      const values = initialValues(graph, { zeroGamma: false }, Random.seeded(9, 'initialization'));
      const trained = (tricks: object) =>
        trainHere(smallRecipe({ ...parts, tricks }), { teacher: { graph, values } });
      const tricks = { [name]: strong[name] ?? true };
      const plain = await trained({});
      const first = await trained(tricks);
      const again = await trained(tricks);
      expect(first.final.type).toBe('done');
      expect(weightsOf(again)).toEqual(weightsOf(first));
      const resultOf = (outcome: Outcome) => [
        weightsOf(outcome),
        outcome.epochs.map(({ averagedLoss }) => averagedLoss),
      ];
      const isSame = isDeepStrictEqual(resultOf(first), resultOf(plain));
      expect(
        isSame,
        `${name} changes nothing: is its effect in EFFECTS (src/training/effects/index.ts)?`,
      ).toBe(false);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test('a teacher gets the same whether a step passes its batch once or twice, and leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const graph = graphOf(smallRecipe());
    const values = initialValues(graph, { zeroGamma: false }, Random.seeded(9, 'initialization'));
    const teach = (tricks: object) =>
      trainHere(smallRecipe({ tricks: { distillation: { teacher: 'given', temperature: 2 }, ...tricks } }), {
        teacher: { graph, values },
      });
    const once = await teach({});
    const twice = await teach({ sam: true });
    expect(twice.steps[0]!.loss).toBe(once.steps[0]!.loss);
    expect(twice.steps.at(-1)!.loss).not.toBe(once.steps.at(-1)!.loss);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('all of them together hold as many tensors after step 200 as after step 10', async () => {
    const recipe = smallRecipe({
      data: { train_images: 840, validation_images: 12, batch_size: 4, augment: 'crop_flip' },
      schedule: { epochs: 2, decay: 'cosine' },
      tricks: {
        warmup: { epochs: 1 },
        zero_gamma: true,
        no_bias_decay: true,
        mixed_precision: { growth_interval: 50 },
        label_smoothing: true,
        mixup: true,
        cutmix: true,
        ema: true,
        stochastic_depth: true,
        random_erasing: true,
        gradient_clipping: true,
        gradient_accumulation: { batches: 2 },
        sam: true,
      },
    });
    const counts = new Map<number, number>();
    const before = tf.memory().numTensors;
    await trainHere(recipe, {
      emit: (event) => {
        if (event.type === 'step') counts.set(event.step, tf.memory().numTensors);
      },
    });
    expect(counts.get(10)).toBeGreaterThan(before);
    expect(counts.get(200)).toBe(counts.get(10));
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** A recipe like that of `smallRecipe` for a network without a width. */
function mlpRecipe(changes: Parameters<typeof smallRecipe>[0] & { model: object }): Recipe {
  const { width: _, ...model } = smallExperiment(changes).model as Record<string, unknown>;
  return resolvedRecipe({ ...smallExperiment(changes), model });
}
