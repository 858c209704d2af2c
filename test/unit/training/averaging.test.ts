import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { cifarResNet } from '../../../src/models/networks/cifarResNet';
import { WeightAverage } from '../../../src/training/effects/weightAverage';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { Random } from '../../../src/training/random';

const graph = cifarResNet('resnet8', [8, 8, 1], 3, { width: 2 });
const NAME = 'layer1.0.conv1.weight';

function smallNetwork(): Network {
  return new Network(graph, initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization')));
}

/** Simulates a step: adds one to every weight and buffer. */
function moveOn(network: Network): void {
  for (const [name, tensor] of [...network.parameters, ...network.buffers]) {
    network.assign(name, tf.add(tensor, 1));
  }
}

const first = (tensor: tf.Tensor | undefined) => tensor!.dataSync()[0] as number;

beforeAll(async () => {
  await loadEngine('wasm');
});

describe("weights' moving average", () => {
  test('keeps its decay of itself and takes the rest of the weights, including buffers', () => {
    const network = smallNetwork();
    const start = first(network.parameters.get(NAME));
    const average = new WeightAverage({ decay: 0.75, warmup: false }, network);
    for (let step = 0; step < 2; step++) {
      moveOn(network);
      average.update(network);
    }
    // 0.75 x (0.75 x 0 + 0.25 x 1) + 0.25 x 2 above the start.
    expect(first(average.tensors.get(NAME)) - start).toBeCloseTo(0.6875, 5);
    expect(first(average.tensors.get('bn1.running_mean'))).toBeCloseTo(0.6875, 5);
    average.dispose();
    network.dispose();
  });

  test('with warmup keeps at most (1 + t) / (10 + t)', () => {
    const network = smallNetwork();
    const start = first(network.parameters.get(NAME));
    const average = new WeightAverage({ decay: 0.15, warmup: true }, network);
    moveOn(network);
    average.update(network);
    expect(first(average.tensors.get(NAME)) - start).toBeCloseTo(0.9, 5);
    moveOn(network);
    average.update(network);
    // 2 / 11 is above the decay.
    expect(first(average.tensors.get(NAME)) - start).toBeCloseTo(0.15 * 0.9 + 0.85 * 2, 5);
    average.dispose();
    network.dispose();
  });

  test('replaces the weights during an evaluation, and restores them in any case', async () => {
    const before = tf.memory().numTensors;
    const network = smallNetwork();
    const average = new WeightAverage({ decay: 0.5, warmup: false }, network);
    const start = first(network.parameters.get(NAME));
    moveOn(network);
    average.update(network);
    const seen = await average.during(network, async () => first(network.parameters.get(NAME)));
    expect(seen - start).toBeCloseTo(0.5, 5);
    expect(first(network.parameters.get(NAME)) - start).toBeCloseTo(1, 5);
    const broken = average.during(network, () => Promise.reject(new Error('broken')));
    await expect(broken).rejects.toThrow('broken');
    expect(first(network.parameters.get(NAME)) - start).toBeCloseTo(1, 5);
    average.dispose();
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('resumes where it was', () => {
    const network = smallNetwork();
    const one = new WeightAverage({ decay: 0.9, warmup: true }, network);
    moveOn(network);
    one.update(network);
    const other = new WeightAverage({ decay: 0.9, warmup: true }, network);
    other.restore(new Map([...one.tensors].map(([name, tensor]) => [name, tf.clone(tensor)])), one.updates);
    moveOn(network);
    one.update(network);
    other.update(network);
    expect(first(other.tensors.get(NAME))).toBe(first(one.tensors.get(NAME)));
    for (const part of [one, other, network]) part.dispose();
  });
});
