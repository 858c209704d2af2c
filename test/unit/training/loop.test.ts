import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { runEventSchema } from '../../../src/protocol/events';
import { rangeTestRecipe } from '../../../src/recipe/rangeTest';
import type { Recipe } from '../../../src/recipe/recipe';
import { learningRateAt } from '../../../src/recipe/schedule';
import type { Snapshot } from '../../../src/runs/checkpoint';
import { openDataset } from '../../../src/training/data/open';
import type { TrainingOptions } from '../../../src/training/loop/loop';
import { resolvedRecipe, smallExperiment, smallRecipe } from '../../support/smallTraining';
import { type Outcome, trainHere } from '../support/trainHere';

const losses = ({ steps }: Outcome) => steps.map(({ loss }) => loss);
/** Returns a snapshot without the times it took. */
const withoutTimes = ({ state, ...tensors }: Omit<Snapshot, 'isBest'>) => ({
  ...tensors,
  state: { ...state, seconds: 0, secondsInEpoch: 0 },
});
const valuesOf = (snapshot: Snapshot, name: string) =>
  snapshot.tensors.find((tensor) => tensor.name === name)!.values;

beforeAll(async () => {
  await loadEngine('wasm');
});

describe('a training', () => {
  test('learns: its loss falls and its accuracy rises far above chance', async () => {
    const recipe = smallRecipe({
      data: { train_images: 256, validation_images: 100 },
      model: { width: 4 },
      schedule: { epochs: 8 },
    });
    const { final, epochs } = await trainHere(recipe);
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(epochs[0]!.trainLoss / 2);
    expect(final.type === 'done' && final.result.validationAccuracy).toBeGreaterThan(0.7);
  });

  test('reports each step and epoch in order, by the schedule, in events of the protocol', async () => {
    const recipe = smallRecipe({
      schedule: { epochs: 3, decay: 'cosine' },
      tricks: { warmup: { epochs: 1 } },
    });
    const { final, events, steps, epochs } = await trainHere(recipe);
    for (const event of [...events, final]) expect(runEventSchema.parse(event)).toEqual(event);
    const perEpoch = ['step', 'step', 'step', 'step', 'epoch'];
    expect(events.map(({ type }) => type)).toEqual([...perEpoch, ...perEpoch, ...perEpoch]);
    expect(steps.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(steps.map(({ epoch }) => epoch)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect(steps.map(({ learningRate }) => learningRate)).toEqual(
      steps.map(({ step }) => learningRateAt(recipe.schedule, step)),
    );
    expect(steps[0]!.learningRate).toBe(0);
    expect(epochs.map(({ step }) => step)).toEqual([4, 8, 12]);
    for (const [index, { trainLoss, trainAccuracy }] of epochs.entries()) {
      const own = steps.filter(({ epoch }) => epoch === index);
      expect(trainLoss).toBeCloseTo(own.reduce((sum, { loss }) => sum + loss, 0) / 4, 10);
      expect(trainAccuracy).toBeCloseTo(own.reduce((sum, { accuracy }) => sum + accuracy, 0) / 4, 10);
    }
    const accuracies = epochs.map(({ validationAccuracy }) => validationAccuracy);
    expect(final).toMatchObject({
      type: 'done',
      result: {
        epochs: 3,
        validationAccuracy: accuracies[2],
        bestValidationAccuracy: Math.max(...accuracies),
      },
    });
  });

  test('is identical to the bit for one seed, and differs for another', async () => {
    const changes = { data: { augment: 'crop_flip' } };
    const first = await trainHere(smallRecipe(changes));
    const again = await trainHere(smallRecipe(changes));
    const other = await trainHere(smallRecipe({ ...changes, seed: 2 }));
    expect(losses(again)).toEqual(losses(first));
    expect(again.snapshots.map(withoutTimes)).toEqual(first.snapshots.map(withoutTimes));
    expect(losses(other)).not.toEqual(losses(first));
  });

  test('sees each whole batch of images once an epoch, in a new order each time', async () => {
    const recipe = smallRecipe({ data: { train_images: 70 }, schedule: { epochs: 2 } });
    const dataset = await openDataset(recipe.data.source);
    const drawn: number[] = [];
    const watched: TrainingOptions['dataset'] = {
      ...dataset,
      train: {
        ...dataset.train,
        draw: (index, target) => {
          drawn.push(index);
          dataset.train.draw(index, target);
        },
      },
    };
    await trainHere(recipe, { dataset: watched });
    const epochs = [drawn.slice(0, 64), drawn.slice(64)];
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(64);
    expect(epochs[1]).toHaveLength(64);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[0]!.every((image, index) => image >= (epochs[0]![index - 1] ?? -1))).toBe(false);
  });

  test('holds as many tensors after step 1,000 as after step 10, and none at its end', async () => {
    const recipe = smallRecipe({
      data: { train_images: 808, validation_images: 12, batch_size: 4, augment: 'flip' },
      schedule: { epochs: 5 },
    });
    expect(recipe.schedule.totalSteps).toBeGreaterThan(1000);
    const before = tf.memory();
    const counts = new Map<number, { tensors: number; bytes: number }>();
    await trainHere(recipe, {
      emit: (event) => {
        const { numTensors: tensors, numBytes: bytes } = tf.memory();
        if (event.type === 'step') counts.set(event.step, { tensors, bytes });
      },
    });
    expect(counts.get(10)!.tensors).toBeGreaterThan(before.numTensors);
    expect(counts.get(1000)).toEqual(counts.get(10));
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
  });

  test('marks the snapshots that are the best so far', async () => {
    const { snapshots } = await trainHere(smallRecipe({ schedule: { epochs: 6 } }));
    const accuracies = snapshots.map(({ state }) => state.validation?.accuracy ?? Number.NaN);
    expect(snapshots.map(({ isBest }) => isBest)).toEqual(
      accuracies.map((accuracy, epoch) => accuracies.slice(0, epoch).every((other) => other < accuracy)),
    );
    expect(snapshots.map(({ state: { epoch, step } }) => [epoch, step])).toEqual(
      [1, 2, 3, 4, 5, 6].map((epoch) => [epoch, 4 * epoch]),
    );
  });

  test('keeps running statistics: buffers move away from where they start', async () => {
    const { snapshots } = await trainHere(smallRecipe());
    expect(valuesOf(snapshots[1]!, 'bn1.running_mean')).not.toEqual(new Float32Array(2));
    expect(valuesOf(snapshots[1]!, 'bn1.running_var')).not.toEqual(new Float32Array(2).fill(1));
  });
});

describe('a training that ends early', () => {
  test('stops after the current step, and reports every step it took', async () => {
    const stop = new AbortController();
    const { final, steps, epochs } = await trainHere(smallRecipe(), {
      signal: stop.signal,
      emit: (event) => {
        if (event.type === 'step' && event.step === 5) stop.abort();
      },
    });
    expect(final).toMatchObject({ type: 'stopped', step: 7 });
    expect(steps.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(epochs).toHaveLength(1);
  });

  test('stops within an evaluation too', async () => {
    const stop = new AbortController();
    const recipe = smallRecipe({ data: { validation_images: 200 } });
    const dataset = await openDataset(recipe.data.source);
    let evaluated = 0;
    const { final, epochs } = await trainHere(recipe, {
      signal: stop.signal,
      dataset: {
        ...dataset,
        validation: {
          ...dataset.validation,
          draw: (index, target) => {
            evaluated++;
            stop.abort();
            dataset.validation.draw(index, target);
          },
        },
      },
    });
    expect(final).toMatchObject({ type: 'stopped', step: 4 });
    expect(epochs).toEqual([]);
    expect(evaluated).toBe(16);
  });

  test.each([
    [
      'step',
      { schedule: { epochs: 3 } },
      'Lower optimizer.base_lr, or add a trick: warmup, gradient_clipping.',
    ],
    [
      'evaluation',
      { data: { batch_size: 64 }, tricks: { warmup: { epochs: 1, count_from: 1 } } },
      'Lower optimizer.base_lr, or add a trick: gradient_clipping.',
    ],
  ])('fails if a learning rate is so large that a %s has no finite loss', async (_, changes, remedy) => {
    const { final, snapshots } = await trainHere(smallRecipe({ ...changes, optimizer: { base_lr: 1e30 } }));
    expect(final).toMatchObject({
      type: 'failed',
      failure: {
        kind: 'diverged',
        what: expect.stringMatching(
          /^The loss became (NaN|Infinity) at step \d, in epoch 0, at learning rate 1e\+30\.$/,
        ),
        remedy,
      },
    });
    expect(snapshots).toEqual([]);
  });

  test('keeps the last whole epoch if the loss is not finite later', async () => {
    const recipe = smallRecipe({ schedule: { epochs: 3 } });
    const rising: Recipe = {
      ...recipe,
      // 0.1 in the first epoch, 1e38 from the second epoch on.
      schedule: { ...recipe.schedule, decay: { name: 'step', milestones: [4], factor: 1e39 } },
    };
    const { final, snapshots } = await trainHere(rising);
    expect(final).toMatchObject({
      type: 'failed',
      failure: { remedy: expect.stringContaining('The weights of the last complete epoch are kept.') },
    });
    expect(snapshots.map(({ state }) => state.epoch)).toEqual([1]);
    for (const { values } of snapshots[0]!.tensors) expect(values.every(Number.isFinite)).toBe(true);
  });

  test.each(['emit', 'save'] as const)('rethrows errors of %s, with no tensor left', async (effect) => {
    const before = tf.memory().numTensors;
    const failing = async () => {
      throw new Error('disk full');
    };
    await expect(trainHere(smallRecipe(), { [effect]: failing })).rejects.toThrow('disk full');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('what a trick changes in training', () => {
  test('zero gamma: in a first step at rate 0 the blocks are empty, and their norms alone move first', async () => {
    const recipe = smallRecipe({
      data: { train_images: 16 },
      schedule: { epochs: 1 },
      optimizer: { weight_decay: 0 },
      tricks: { zero_gamma: true },
    });
    const { snapshots } = await trainHere(recipe);
    const initial = await trainHere({ ...recipe, schedule: { ...recipe.schedule, peakLearningRate: 0 } });
    const moved = initial.snapshots[0]!.tensors.filter(
      ({ name }) => name.startsWith('layer') && !name.includes('running'),
    )
      .filter(({ name, values }) => `${values}` !== `${valuesOf(snapshots[0]!, name)}`)
      .map(({ name }) => name);
    for (const block of ['layer1.0', 'layer2.0', 'layer3.0']) {
      expect(new Set(valuesOf(initial.snapshots[0]!, `${block}.bn2.weight`))).toEqual(new Set([0]));
      expect(moved).toContain(`${block}.bn2.weight`);
      expect(moved).not.toContain(`${block}.conv1.weight`);
      expect(moved).not.toContain(`${block}.bn1.weight`);
      expect(moved).not.toContain(`${block}.conv2.weight`);
    }
  });

  test('no bias decay: a decay so strong that it empties kernels leaves gammas alone', async () => {
    // With Nesterov momentum, one step with learning rate 0.1 and decay 10 / 1.9 moves a weight to its gradient's step.
    const changes = {
      data: { train_images: 16 },
      schedule: { epochs: 1 },
      optimizer: { weight_decay: 10 / 1.9 },
    };
    const norm = (outcome: Outcome, name: string) => Math.hypot(...valuesOf(outcome.snapshots[0]!, name));
    const plain = await trainHere(smallRecipe(changes));
    const sparing = await trainHere(smallRecipe({ ...changes, tricks: { no_bias_decay: true } }));
    expect(norm(plain, 'bn1.weight')).toBeLessThan(0.5);
    expect(norm(sparing, 'bn1.weight')).toBeGreaterThan(1);
    expect(norm(sparing, 'conv1.weight')).toBe(norm(plain, 'conv1.weight'));
  });

  test('linear scaling and warmup: the rates that the steps use', async () => {
    const recipe = smallRecipe({
      schedule: { epochs: 2 },
      tricks: { linear_scaling: { base_batch_size: 32 }, warmup: { epochs: 1 } },
    });
    const { steps } = await trainHere(recipe);
    const rates = [0, 0.0125, 0.025, 0.0375, 0.05, 0.05, 0.05, 0.05];
    expect(steps).toHaveLength(rates.length);
    for (const [step, rate] of rates.entries()) expect(steps[step]!.learningRate).toBeCloseTo(rate, 12);
  });
});

test('a range test ends where its loss explodes, evaluates nothing and saves nothing', async () => {
  // A perceptron diverges. Batch norm would keep the loss bounded.
  const plain = resolvedRecipe({ ...smallExperiment(), model: { name: 'mlp' } });
  const recipe = rangeTestRecipe(plain, { from: 1e-3, to: 1e6, steps: 60 }, 0.1, 'found');
  const { final, steps, epochs, snapshots } = await trainHere(recipe, {
    saveEvery: { steps: 1, seconds: 1e9 },
  });
  expect(final.type).toBe('stopped');
  expect(steps.length).toBeGreaterThan(10);
  expect(steps.length).toBeLessThan(60);
  const rates = steps.map(({ learningRate }) => learningRate);
  expect(rates.toSorted((a, b) => a - b)).toEqual(rates);
  expect(epochs).toEqual([]);
  expect(snapshots).toEqual([]);
});
