import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { zeroGammaNormsOf } from '../../../src/models/graph';
import { oneHot } from '../../../src/training/loop/evaluation';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import { Random } from '../../../src/training/random';
import { values } from '../support/numbers';

/** Every family at a small width, with the side length of its input images. */
const MODELS: readonly (readonly [ModelSpec, number])[] = [
  [{ name: 'resnet8', width: 4, stochasticDepth: 0.3 }, 12],
  [{ name: 'resnet18', width: 4, variant: 'A' }, 64],
  [{ name: 'resnet50', width: 4, variant: 'D', stochasticDepth: 0.2 }, 64],
  [{ name: 'resnet9', width: 8, stochasticDepth: 0.2 }, 28],
  [{ name: 'mobilenet_v1', widthMultiplier: 0.25 }, 64],
  [{ name: 'inception_v3', widthMultiplier: 0.125 }, 107],
  [{ name: 'vgg16_bn', width: 8 }, 32],
  [{ name: 'densenet121', growthRate: 4 }, 64],
  [{ name: 'cnn', width: 8 }, 14],
  [{ name: 'mlp', hidden: [20, 10] }, 8],
];
const BATCH = 8;
const CLASSES = 3;

beforeAll(async () => {
  await loadEngine('wasm');
});

describe('every model trains', () => {
  test.each(MODELS.map((each) => [JSON.stringify(each[0]), ...each] as const))('%s', (_name, model, size) => {
    const graph = buildGraph(model, [size, size, 1], CLASSES);
    const network = new Network(
      graph,
      initialValues(graph, { zeroGamma: false }, Random.seeded(1, 'initialization')),
    );
    const images = tf.tensor(values([BATCH, size, size, 1], 1).data, [BATCH, size, size, 1]) as tf.Tensor4D;
    const targets = oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32'), CLASSES);
    const lossAt = () => {
      const pass = network.forward(images, network.drawMasks(images.shape[0], Random.seeded(1, 'dropout')));
      const { loss, dLogits } = softmaxCrossEntropy(pass.logits, targets);
      const gradients = pass.backward(dLogits);
      const value = loss.dataSync()[0] as number;
      tf.dispose([loss, dLogits]);
      return { loss: value, gradients };
    };
    const step = (length: number) => {
      const { loss, gradients } = lossAt();
      const norm = Math.sqrt([...gradients.values()].reduce((sum, gradient) => sum + squareSum(gradient), 0));
      for (const [name, gradient] of gradients) {
        const weight = network.parameters.get(name) as tf.Tensor;
        network.assign(
          name,
          tf.tidy(() => tf.sub(weight, tf.mul(gradient, length / norm))),
        );
      }
      tf.dispose([...gradients.values()]);
      return { loss, norm };
    };
    const { norm } = step(0);
    const count = tf.memory().numTensors;
    const bytes = tf.memory().numBytes;
    const length = 0.02 / norm;
    const before = step(length);
    const after = step(length);
    step(0);
    // Along the gradient, the loss falls at the rate of the gradient norm.
    const fall = (before.loss - after.loss) / length;
    const rate = (before.norm + after.norm) / 2;
    expect(Math.abs(fall - rate) / rate, `${fall}, not ${rate}`).toBeLessThan(0.1);
    expect(tf.memory().numTensors, 'tensors').toBe(count);
    expect(tf.memory().numBytes, 'bytes').toBe(bytes);
    const logits = network.predict(images);
    expect(logits.shape).toEqual([BATCH, CLASSES]);
    expect(logits.dataSync().every(Number.isFinite)).toBe(true);
    tf.dispose([logits, images, targets]);
    network.dispose();
  });
});

describe('a residual network under zero gamma', () => {
  const models: readonly ModelSpec[] = [
    { name: 'resnet8', width: 4 },
    { name: 'resnet18', width: 4, variant: 'B' },
    { name: 'resnet50', width: 4, variant: 'A' },
    { name: 'resnet9', width: 8 },
  ];

  test.each(models)(
    '$name sends its first gradient to the last norms, and none into the branches',
    (model) => {
      const graph = buildGraph(model, [32, 32, 1], CLASSES);
      const random = Random.seeded(1, 'initialization');
      const network = new Network(graph, initialValues(graph, { zeroGamma: true }, random));
      const images = tf.tensor(values([BATCH, 32, 32, 1], 1).data, [BATCH, 32, 32, 1]) as tf.Tensor4D;
      const pass = network.forward(images);
      const dLogits = tf.ones<tf.Rank.R2>([BATCH, CLASSES]);
      const gradients = pass.backward(dLogits);
      const isZero = (name: string) =>
        gradients
          .get(name)
          ?.dataSync()
          .every((value) => value === 0);
      const last = zeroGammaNormsOf(graph);
      expect(last.length).toBeGreaterThan(1);
      for (const { gamma, input } of last) {
        expect(isZero(gamma.name), gamma.name).toBe(false);
        const branch = graph.layers[input];
        if (branch?.kind !== 'conv2d') throw new Error('A last norm follows a convolution');
        expect(isZero(branch.kernel.name), branch.kernel.name).toBe(true);
      }
      tf.dispose([images, dLogits, ...gradients.values()]);
      network.dispose();
    },
  );
});

function squareSum(tensor: tf.Tensor): number {
  return tf.tidy(() => tf.sum(tf.square(tensor)).dataSync()[0] as number);
}
