import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { trainingStateSchema } from '../../../src/runs/checkpoint';
import type { Effect } from '../../../src/training/effects/effect';
import { EFFECTS } from '../../../src/training/effects/index';
import { WeightAverage } from '../../../src/training/effects/weightAverage';
import { mapGradients } from '../../../src/training/network/gradients';
import { smallRecipe } from '../../support/smallTraining';
import { type Outcome, trainHere } from '../support/trainHere';

beforeAll(async () => {
  await loadEngine('wasm');
});

const recipe = smallRecipe({ optimizer: { weight_decay: 0 } });

/** Trains with one additional effect that the product does not know. */
const trainedWith = (effect: Effect): Promise<Outcome> =>
  trainHere(recipe, { effects: [...EFFECTS, effect] });

const weightsOf = ({ snapshots }: Outcome, at = -1) =>
  snapshots
    .at(at)!
    .tensors.filter(({ name }) => /weight|bias/.test(name))
    .map(({ name, values }) => [name, [...values]]);

describe('an effect takes part in the phase that it registers with:', () => {
  test('batch: changes images and targets before the network sees them, with its own random stream', async () => {
    const sizes = new Set<string>();
    const { steps, snapshots } = await trainedWith({
      phase: 'batch',
      of: (_, streams) => (batch, size) => {
        sizes.add(`${batch.size} ${size.height}x${size.width} ${batch.targets.length}`);
        streams.get('invented').uniform();
        // An all-zero target gives zero loss.
        batch.targets.fill(0);
      },
    });
    expect([...sizes]).toEqual(['16 8x8 48']);
    for (const { loss } of steps) expect(loss).toBeCloseTo(0, 6);
    // The state of its stream is saved and restored by name.
    const [first, last] = [snapshots[0]!.state.random, snapshots.at(-1)!.state.random];
    expect(first.invented).toBeDefined();
    expect(last.invented).not.toEqual(first.invented);
    expect(trainingStateSchema.parse(snapshots[0]!.state).random.invented).toEqual(first.invented);
    // Streams are an open set of names: a checkpoint from a release with one stream fewer can be read, and the missing
    // one starts over.
    const { augmentation: _, ...less } = first;
    expect(trainingStateSchema.parse({ ...snapshots[0]!.state, random: less }).random).toEqual(less);
  });

  test('loss: changes the loss and its gradient', async () => {
    const plain = await trainHere(recipe);
    const doubled = await trainedWith({
      phase: 'loss',
      of: () => (inner) => (logits, targets, beside) => {
        const { loss, dLogits } = inner(logits, targets, beside);
        const twice = { loss: tf.mul<tf.Scalar>(loss, 2), dLogits: tf.mul<tf.Tensor2D>(dLogits, 2) };
        tf.dispose([loss, dLogits]);
        return twice;
      },
    });
    expect(doubled.steps[0]!.loss).toBeCloseTo(2 * plain.steps[0]!.loss, 5);
    expect(weightsOf(doubled)).not.toEqual(weightsOf(plain));
  });

  test('gradients: changes the input of the optimizer', async () => {
    const still = await trainedWith({
      phase: 'gradients',
      of:
        () =>
        ({ gradients }) =>
          mapGradients(gradients, (gradient) => tf.zerosLike(gradient)),
    });
    expect(weightsOf(still)).toEqual(weightsOf(still, 0));
  });

  test('update: replaces or wraps the update', async () => {
    const rates: number[] = [];
    const halved = await trainedWith({
      phase: 'update',
      of: () => (update) => (network, gradients, learningRate) => {
        rates.push(learningRate);
        update(network, gradients, learningRate / 2);
      },
    });
    const slow = await trainHere(smallRecipe({ optimizer: { base_lr: 0.05, weight_decay: 0 } }));
    expect(rates).toEqual(halved.steps.map(({ learningRate }) => learningRate));
    expect(weightsOf(halved)).toEqual(weightsOf(slow));
  });

  test('averaging: is kept next to the weights, evaluated and saved', async () => {
    const averaged = await trainedWith({
      phase: 'averaging',
      of: () => (network) => new WeightAverage({ decay: 0.5, warmup: false }, network),
    });
    for (const epoch of averaged.epochs) expect(epoch.averagedLoss).toBeGreaterThan(0);
    expect(averaged.snapshots.at(-1)!.state.averageUpdates).toBe(averaged.steps.length);
  });

  test('evaluation: changes only how the network predicts validation images', async () => {
    const plain = await trainHere(recipe);
    const silent = await trainedWith({
      phase: 'evaluation',
      of: () => (network) => ({
        predict: async (images) => {
          const logits = await network.predict(images);
          const none = tf.zerosLike(logits);
          logits.dispose();
          return none;
        },
      }),
    });
    // Three classes with equal probabilities.
    for (const { validationLoss } of silent.epochs) expect(validationLoss).toBeCloseTo(Math.log(3), 5);
    expect(weightsOf(silent)).toEqual(weightsOf(plain));
  });
});

test('a tensor that an effect makes is disposed', async () => {
  const before = tf.memory().numTensors;
  await trainedWith({
    phase: 'gradients',
    of:
      () =>
      ({ gradients }) =>
        mapGradients(gradients, (gradient) => tf.mul(gradient, 0.5)),
  });
  expect(tf.memory().numTensors).toBe(before);
});
