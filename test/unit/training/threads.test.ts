import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { graphOf } from '../../../src/recipe/draft';
import { frozenParametersOf } from '../../../src/recipe/parameterGroups';
import type { Recipe } from '../../../src/recipe/recipe';
import type { Snapshot } from '../../../src/runs/checkpoint';
import { RecipeEffects } from '../../../src/training/effects/index';
import type { BatchTensors } from '../../../src/training/loop/batchPass';
import { type LocalParts, LocalPasses, type PassedBatches } from '../../../src/training/loop/passes';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { ShardedPasses, type Threads } from '../../../src/training/parallel/shardedPasses';
import { defaultThreads, shardsOf } from '../../../src/training/parallel/shards';
import { addInto } from '../../../src/training/parallel/sharedMemory';
import { Random } from '../../../src/training/random';
import { smallRecipe } from '../../support/smallTraining';
import { threadPrograms } from '../support/threads';
import { type Outcome, trainHere } from '../support/trainHere';

const threads = threadPrograms();
beforeAll(async () => {
  await loadEngine('wasm');
});

describe('the shards of a batch', () => {
  test('have each image once, in order, as even as possible, the larger ones first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 12 }), (batch, count) => {
        const shards = shardsOf(batch, count);
        expect(shards).toHaveLength(count);
        expect(
          shards.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)),
        ).toEqual(Array.from({ length: batch }, (_, index) => index));
        const sizes = shards.map(({ start, end }) => end - start);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(sizes[0]).toBe(Math.max(...sizes));
        // Empty shards come last, so that a shard's index is its thread.
        const firstEmpty = sizes.indexOf(0);
        if (firstEmpty >= 0) expect(sizes.slice(firstEmpty).every((size) => size === 0)).toBe(true);
      }),
    );
  });

  test('are one per processor, with at least 16 images each, and at most 8', () => {
    expect([1, 2, 4, 64].map((processors) => defaultThreads(processors, 128))).toEqual([1, 2, 4, 8]);
    expect([8, 16, 31, 32, 64].map((batch) => defaultThreads(4, batch))).toEqual([1, 1, 1, 2, 4]);
  });

  test('are summed from the first to the last', () => {
    const sum = tf.tensor1d([1, 2 ** 24]);
    addInto(sum, [Float32Array.of(2, 1), Float32Array.of(4, 1)]);
    // Each 1 alone is lost when added to 2^24, but 1 + 1 would not be.
    expect([...sum.dataSync()]).toEqual([7, 2 ** 24]);
    sum.dispose();
  });

  test('are summed value by value, whatever their number', () => {
    const before = tf.memory().numTensors;
    for (const size of [1, 3, 4, 7, 2 ** 14 - 1, 2 ** 14, 2 ** 14 + 5, 2 ** 15 + 8]) {
      const ascending = Float32Array.from({ length: size }, (_, index) => index);
      const sum = tf.tensor1d(ascending);
      addInto(sum, [ascending.map((value) => 2 * value), ascending.map(() => 0.5)]);
      expect(sum.dataSync()).toEqual(ascending.map((value) => 3 * value + 0.5));
      sum.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** A recipe for a network without batch norm and dropout. */
function withoutNorm({ hidden }: { readonly hidden: readonly number[] }, batchSize: number): Recipe {
  const recipe = smallRecipe({ data: { batch_size: batchSize } });
  return { ...recipe, model: { name: 'mlp', hidden: [...hidden] } };
}

const NORMS_OF_RESNET8 = [
  ...[1, 2, 3].flatMap((layer) => [1, 2].map((norm) => `layer${layer}.0.bn${norm}`)),
  ...[2, 3].map((layer) => `layer${layer}.0.downsample.1`),
];

/** Random images and targets. Each image's class is its index. */
function randomBatch({ data: { dataset } }: Recipe, size: number, seed = 5): BatchTensors {
  const { height, width, channels, classes } = dataset;
  const labels = Array.from({ length: size }, (_, index) => index % classes);
  return {
    images: tf.randomNormal([size, height, width, channels], 0, 1, 'float32', seed),
    targets: tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32') as tf.Tensor2D,
    labels: tf.tensor1d(labels, 'int32'),
  };
}

/** Tolerance of gradients for rounding errors, relative to the largest value of their tensor. */
const NOISE = 1e-5;

/** Returns the results of one pass over batches, and the buffers afterwards, as plain values. */
async function passed(
  recipe: Recipe,
  batches: readonly BatchTensors[],
  on: Threads | null,
): Promise<{
  gradients: Map<string, Float32Array>;
  buffers: Map<string, Float32Array>;
  loss: number;
  accuracy: number;
}> {
  const graph = graphOf(recipe);
  const values = initialValues(graph, recipe.initialization, Random.seeded(1, 'initialization'));
  const frozen = frozenParametersOf(recipe.parameterGroups, graph);
  const network = new Network(graph, values, recipe.precision.compute, frozen);
  const { distillation } = recipe.loss;
  const taught = teacherOf(recipe);
  const teacher = distillation && new Network(taught.graph, taught.values);
  const own: LocalParts = { network, teacher, loss: new RecipeEffects(recipe).loss() };
  const random = Random.seeded(1, 'dropout');
  const sharded = on && new ShardedPasses(recipe, own, random, on);
  try {
    const step = (sharded ?? new LocalPasses(own, random)).begin(batches);
    const { gradients, metrics }: PassedBatches = await step.pass(1);
    step.dispose();
    const read = { gradients: valuesOf(gradients), buffers: valuesOf(network.buffers), ...(await metrics) };
    tf.dispose([...gradients.values()]);
    return read;
  } finally {
    await sharded?.close();
    network.dispose();
    teacher?.dispose();
  }
}

function valuesOf(tensors: ReadonlyMap<string, tf.Tensor>): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, tensor]) => [name, tensor.dataSync<'float32'>()]));
}

/** Returns the largest difference between two sets of values, relative to the largest value of the second. */
function difference(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
): number {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  const largest = (values: Float32Array) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Math.max(
    ...[...expected].map(([name, values]) => {
      const off = values.map((value, index) => value - (actual.get(name)?.[index] ?? Number.NaN));
      return largest(off) / Math.max(largest(values), 1e-6);
    }),
  );
}

describe('the gradients of shards', () => {
  test.each([
    [2, [24, 16], null],
    [3, [24, 16], { teacher: 'given', temperature: 2, weight: 0.5 }],
    // More than one bucket of values: the threads send each one separately.
    [2, [1024, 700, 700, 16], null],
  ])(
    'without batch norm are those of the whole batch, on %i threads, through layers of %j, with teacher %j',
    async (count, hidden, distillation) => {
      const plain = withoutNorm({ hidden }, 20);
      const recipe = { ...plain, loss: { ...plain.loss, distillation } };
      const batch = randomBatch(recipe, 20);
      const whole = await passed(recipe, [batch], null);
      const sharded = await passed(recipe, [batch], threads(count));
      expect(difference(sharded.gradients, whole.gradients)).toBeLessThan(1e-5);
      expect(sharded.loss).toBeCloseTo(whole.loss, 5);
      expect(sharded.accuracy).toBeCloseTo(whole.accuracy, 6);
    },
  );

  test('with frozen batch norms are those of the whole batch, and running statistics stay', async () => {
    const recipe = smallRecipe({
      data: { batch_size: 20 },
      init: { weights: 'any', freeze: ['stem', ...NORMS_OF_RESNET8] },
      optimizer: { head_learning_rate: '10x' },
    });
    const batch = randomBatch(recipe, 20);
    const whole = await passed(recipe, [batch], null);
    const sharded = await passed(recipe, [batch], threads(3));
    expect([...whole.gradients.keys()].filter((name) => /bn|downsample\.1|^conv1/.test(name))).toEqual([]);
    expect(difference(sharded.gradients, whole.gradients)).toBeLessThan(1e-5);
    expect(sharded.buffers).toEqual(whole.buffers);
    // Averaged weights are assigned as a whole, including frozen ones.
    const averaged = { ...recipe, averaging: { decay: 0.9, warmup: true } };
    const outcome = await trainHere(averaged, { threads: threads(3) });
    expect(outcome.final.type).toBe('done');
    const tensors = lastTensors(outcome);
    const initial = initialValues(graphOf(recipe), { zeroGamma: false }, Random.seeded(1, 'initialization'));
    for (const name of [
      'conv1.weight',
      'bn1.running_var',
      'layer2.0.bn2.weight',
      'layer3.0.bn1.running_mean',
    ]) {
      expect(tensors.get(name), name).toEqual(initial.get(name));
    }
    expect(tensors.get('layer3.0.conv1.weight')).not.toEqual(initial.get('layer3.0.conv1.weight'));
  });

  test.each([
    [2, {}],
    [3, {}],
    [4, {}],
    // Channel counts that are not a multiple of four use other kernels, and dropout is drawn for whole images.
    [3, { model: { width: 3 }, tricks: { stochastic_depth: true } }],
  ])('with batch norm are those of the whole batch, on %i threads, with %j', async (count, changes) => {
    const tricks = { gradient_accumulation: { batches: 2 }, ...('tricks' in changes && changes.tricks) };
    const recipe = smallRecipe({ ...changes, data: { batch_size: 18 }, tricks });
    const batches = [randomBatch(recipe, 18, 5), randomBatch(recipe, 18, 6)];
    const whole = await passed(recipe, batches, null);
    const sharded = await passed(recipe, batches, threads(count));
    expect(difference(sharded.gradients, whole.gradients)).toBeLessThan(NOISE);
    expect(difference(sharded.buffers, whole.buffers)).toBeLessThan(1e-6);
    expect(sharded.loss).toBeCloseTo(whole.loss, 6);
    expect(sharded.accuracy).toBeCloseTo(whole.accuracy, 6);
  });

  test('come with the predictions of one thread, for a batch of any size', async () => {
    const recipe = smallRecipe({ data: { batch_size: 20 } });
    const { graph, values } = teacherOf(recipe);
    const network = new Network(graph, values);
    const own: LocalParts = { network, teacher: null, loss: new RecipeEffects(recipe).loss() };
    const sharded = new ShardedPasses(recipe, own, Random.seeded(1, 'dropout'), threads(3));
    try {
      for (const size of [20, 7, 1, 2]) {
        const { images } = randomBatch(recipe, size);
        const logits = await sharded.predict(images);
        expect(logits.shape).toEqual([size, 3]);
        const expected = new Map([['logits', network.predict(images).dataSync<'float32'>()]]);
        expect(difference(new Map([['logits', logits.dataSync<'float32'>()]]), expected)).toBeLessThan(1e-5);
      }
      // They follow the weights.
      const { images } = randomBatch(recipe, 20);
      network.assign('fc.bias', tf.tensor1d([10, 20, 30]));
      const moved = await sharded.predict(images);
      const expected = new Map([['logits', network.predict(images).dataSync<'float32'>()]]);
      expect(difference(new Map([['logits', moved.dataSync<'float32'>()]]), expected)).toBeLessThan(1e-5);
      expect(Math.max(...moved.dataSync())).toBeGreaterThan(20);
    } finally {
      await sharded.close();
      network.dispose();
    }
  });

  test('exist even if a batch has fewer images than there are threads', async () => {
    const recipe = smallRecipe({ data: { batch_size: 2 } });
    const batch = randomBatch(recipe, 2);
    const sharded = await passed(recipe, [batch], threads(3));
    const two = await passed(recipe, [batch], threads(2));
    expect(sharded).toEqual(two);
    const whole = await passed(recipe, [batch], null);
    expect(difference(sharded.gradients, whole.gradients)).toBeLessThan(NOISE);
    expect(difference(sharded.buffers, whole.buffers)).toBeLessThan(1e-6);
  });
});

const everything: Parameters<typeof smallRecipe>[0] = {
  data: { augment: 'crop_flip', batch_size: 15, train_images: 60 },
  schedule: { epochs: 2, decay: 'cosine' },
  optimizer: { name: 'lamb' },
  tricks: {
    gradient_accumulation: { batches: 2 },
    gradient_clipping: true,
    sam: true,
    mixup: true,
    label_smoothing: true,
    stochastic_depth: true,
    mixed_precision: { growth_interval: 2, initial_scale: 2 ** 40 },
    distillation: { teacher: 'given' },
    ema: true,
  },
};

/** A teacher with the same network as the recipe. */
function teacherOf(recipe: Recipe) {
  const graph = graphOf(recipe);
  const values = initialValues(graph, recipe.initialization, Random.seeded(9, 'initialization'));
  return { graph, values };
}

/** Returns the parts of a training that do not depend on the clock. */
function measured({ steps, epochs }: Outcome, after = 0): object {
  return {
    steps: steps
      .filter(({ step }) => step >= after)
      .map((event) => ({ ...event, time: 0, imagesPerSecond: 0 })),
    epochs: epochs.filter(({ step }) => step > after).map((event) => ({ ...event, time: 0, seconds: 0 })),
  };
}

function lastSnapshot({ snapshots }: Outcome): object {
  const { state, tensors, trainingTensors } = snapshots.at(-1) as Snapshot;
  return { state: { ...state, seconds: 0, secondsInEpoch: 0 }, tensors, trainingTensors };
}

function lastTensors({ snapshots }: Outcome): Map<string, Float32Array> {
  return new Map(snapshots.at(-1)?.tensors.map(({ name, values }) => [name, values]));
}

describe('a training on threads, with every trick that touches a step,', () => {
  const recipe = smallRecipe(everything);
  const teacher = teacherOf(recipe);
  const train = (on: Threads, options: Parameters<typeof trainHere>[1] = {}) =>
    trainHere(recipe, { teacher, threads: on, ...options });

  test('is identical to the bit again, also with a slow thread, and when it stops and resumes', async () => {
    const first = await train(threads(2), { saveEvery: { steps: 1, seconds: Number.POSITIVE_INFINITY } });
    expect(first.final.type).toBe('done');
    expect(first.steps.some(({ overflows }) => (overflows ?? 0) > 0)).toBe(true);
    const tensorsBefore = tf.memory().numTensors;
    const slow = await train(threads(2, 'slow'));
    expect(measured(slow)).toEqual(measured(first));
    expect(lastSnapshot(slow)).toEqual(lastSnapshot(first));
    const { state, ...middle } = first.snapshots[2] as Snapshot;
    expect(state.threads).toBe(2);
    const rest = await train(threads(2), { resume: { state, ...middle } });
    expect(measured(rest)).toEqual(measured(first, state.step));
    expect(lastSnapshot(rest)).toEqual(lastSnapshot(first));
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  });

  test('equals one thread on 2, 3 and 4 threads, up to rounding', async () => {
    // Half precision would round a last-digit difference to the next representable value.
    const { mixed_precision: _, ...tricks } = everything.tricks as Record<string, unknown>;
    const full = smallRecipe({ ...everything, tricks });
    const on = (count: number) => trainHere(full, { teacher, ...(count > 1 && { threads: threads(count) }) });
    const one = await on(1);
    expect(one.final.type).toBe('done');
    const lossesOf = ({ steps }: Outcome) =>
      new Map(steps.map(({ step, loss }) => [`${step}`, Float32Array.of(loss)]));
    for (const count of [2, 3, 4]) {
      const more = await on(count);
      expect(difference(lossesOf(more), lossesOf(one)), `${count} threads`).toBeLessThan(1e-6);
      expect(difference(lastTensors(more), lastTensors(one)), `${count} threads`).toBeLessThan(1e-5);
    }
  });

  test('holds as many tensors in a thread in its last step as in its second', async () => {
    const counts = join(tmpdir(), `tensors-${process.pid}`);
    process.env.TENSOR_COUNTS = counts;
    try {
      await trainHere(smallRecipe({ ...everything, schedule: { epochs: 8 } }), {
        teacher,
        threads: threads(2, 'counting'),
      });
      const held = (await readFile(counts, 'utf8')).trim().split(' ').map(Number);
      expect(held.length).toBeGreaterThan(20);
      expect(Math.max(...held.slice(held.length / 2))).toBe(Math.max(...held.slice(0, held.length / 2)));
    } finally {
      delete process.env.TENSOR_COUNTS;
      await rm(counts, { force: true });
    }
  });
});

/** Counts this process's threads, if the system reports them. */
async function threadsOfProcess(): Promise<number> {
  return process.platform === 'linux' ? (await readdir('/proc/self/task')).length : 0;
}

describe('a training that loses a thread', () => {
  test.each([
    ['leaving', 'A training thread failed: it exited with code 3.', 'Resume the run'],
    ['breakingOff', 'A training thread failed: it exited with code 3.', 'Resume the run'],
    ['failing', 'A training thread failed: a bit flipped.', 'Resume the run'],
    // While the others wait for it: forward, backward, with an error, and silently.
    ['leavingForward', 'A training thread failed: it exited with code 3.', 'Resume the run'],
    ['leavingBackward', 'A training thread failed: it exited with code 3.', 'Resume the run'],
    ['failingBackward', 'A training thread failed: a bit flipped.', 'Resume the run'],
    ['vanishing', 'A training thread failed: it exited with code 3.', 'Resume the run'],
    [
      'swelling',
      'A training thread failed: Invalid typed array length: 1099511627776.',
      'use a smaller data.batch_size',
    ],
  ] as const)('%s, says so, and leaks neither tensor nor thread', async (program, what, remedy) => {
    const before = tf.memory().numTensors;
    const threadsBefore = await threadsOfProcess();
    const training = trainHere(smallRecipe(), { threads: threads(3, program) });
    await expect(training).rejects.toMatchObject({
      name: 'UserError',
      failure: {
        what,
        remedy: expect.stringContaining(remedy),
      },
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(await threadsOfProcess()).toBe(threadsBefore);
  });
});
