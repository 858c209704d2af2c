import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { distilled } from '../../../src/training/effects/distillation';
import { clipGradients } from '../../../src/training/effects/gradientClipping';
import { addGradients, disposeGradients, gradientNorm } from '../../../src/training/network/gradients';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import goldens from '../../fixtures/goldens.json';
import pytorch from '../../fixtures/pytorch.json';
import { targetsOf } from '../support/targets';

beforeAll(async () => {
  await loadEngine('wasm');
});

const gradientsOf = (a: number[], b: number[]) =>
  new Map<string, tf.Tensor>([
    ['a', tf.tensor1d(a)],
    ['b', tf.tensor2d(b, [1, b.length])],
  ]);
const values = (gradients: ReadonlyMap<string, tf.Tensor>) =>
  [...gradients.values()].flatMap((gradient) => [...gradient.dataSync()]);

describe('gradients', () => {
  test('have one joint norm', () => {
    const gradients = gradientsOf([3, 0], [0, 4]);
    const norm = gradientNorm(gradients);
    expect(norm.dataSync()[0]).toBeCloseTo(5, 6);
    norm.dispose();
    disposeGradients(gradients);
  });

  test.each([
    [1, [0.6, 0, 0, 0.8]],
    [10, [3, 0, 0, 4]],
  ])('clipped at %d are scaled down together, or not changed', (maxNorm, expected) => {
    const before = tf.memory().numTensors;
    const clipped = clipGradients(gradientsOf([3, 0], [0, 4]), maxNorm);
    for (const [index, value] of values(clipped).entries()) expect(value).toBeCloseTo(expected[index]!, 5);
    disposeGradients(clipped);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('of 0 are not changed by clipping', () => {
    const clipped = clipGradients(gradientsOf([0], [0]), 1);
    expect(values(clipped)).toEqual([0, 0]);
    disposeGradients(clipped);
  });

  test('add up by name', () => {
    const before = tf.memory().numTensors;
    const sum = addGradients(gradientsOf([1], [2]), gradientsOf([10], [20]));
    expect(values(sum)).toEqual([11, 22]);
    disposeGradients(sum);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('the loss of training', () => {
  const { logits, label, plain, tolerance, 'smoothed_epsilon_0.1_over_K': smoothed } = goldens.cross_entropy;

  test.each([
    ['plain', 0, plain],
    ['smoothed', 0.1, smoothed],
  ])('is the cross entropy of PyTorch: %s', (_, epsilon, expected) => {
    const targets = logits.map((__, index) => (index === label ? 1 - epsilon : 0) + epsilon / logits.length);
    const { loss, dLogits } = softmaxCrossEntropy(tf.tensor2d([logits]), tf.tensor2d([targets]));
    expect(Math.abs((loss.dataSync()[0] as number) - expected)).toBeLessThan(tolerance);
    tf.dispose([loss, dLogits]);
  });

  test('with a teacher adds T² times the cross entropy of the softened probabilities, and its gradient', () => {
    const student = [1.5, -0.3, 0.2];
    const teacher = [0.4, 1.1, -2];
    const [temperature, weight] = [3, 0.7];
    const softmax = (z: number[]) => {
      const exponentials = z.map((value) => Math.exp(value / temperature));
      const sum = exponentials.reduce((total, value) => total + value, 0);
      return exponentials.map((value) => value / sum);
    };
    const lossAt = (z: number[]) => {
      const total = Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0));
      const probabilities = softmax(z);
      const soft = softmax(teacher).reduce((sum, p, index) => sum - p * Math.log(probabilities[index]!), 0);
      return total - z[1]! + weight * temperature ** 2 * soft;
    };
    const before = tf.memory().numTensors;
    const [studentLogits, targets, teacherLogits] = [student, [0, 1, 0], teacher].map((row) =>
      tf.tensor2d([row]),
    );
    const { loss, labelsLoss, dLogits } = distilled(softmaxCrossEntropy, { temperature, weight })(
      studentLogits!,
      targets!,
      {
        teacherLogits: teacherLogits!,
      },
    );
    expect(loss.dataSync()[0]).toBeCloseTo(lossAt(student), 5);
    expect(labelsLoss?.dataSync()[0]).toBeCloseTo(
      Math.log(student.reduce((sum, value) => sum + Math.exp(value), 0)) - student[1]!,
      5,
    );
    for (const [index, gradient] of dLogits.dataSync().entries()) {
      const moved = (by: number) => lossAt(student.map((value, at) => (at === index ? value + by : value)));
      expect(gradient).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 4);
    }
    tf.dispose([studentLogits!, targets!, teacherLogits!, loss, labelsLoss!, dLogits]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('PyTorch agrees', () => {
  const { logits, teacherLogits, labels, labelSmoothing, distillation } = pytorch;

  /**
   * Returns our loss minus the part that is constant in PyTorch's, and its gradient, for labels smoothed by epsilon.
   */
  function ours(epsilon: number, temperature: number | null) {
    const targets = tf.tensor2d(targetsOf(Int32Array.from(labels), 5, epsilon), [4, 5]);
    const teacher = tf.tensor2d(teacherLogits, [4, 5]);
    const lossFunction =
      temperature === null ? softmaxCrossEntropy : distilled(softmaxCrossEntropy, { temperature, weight: 1 });
    const { loss, dLogits } = lossFunction(tf.tensor2d(logits, [4, 5]), targets, { teacherLogits: teacher });
    return { loss: loss.dataSync()[0] as number, gradient: [...dLogits.dataSync()] };
  }

  function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
    expect(actual).toHaveLength(expected.length);
    for (const [index, value] of actual.entries()) {
      expect(Math.abs(value - (expected[index] ?? Number.NaN)), `${index}`).toBeLessThan(tolerance);
    }
  }

  test('on the loss of smoothed labels and its gradient', () => {
    const { loss, gradient } = ours(labelSmoothing.epsilon, null);
    expectNear([loss], [labelSmoothing.loss], 1e-5);
    expectNear(gradient, labelSmoothing.gradient, 1e-6);
  });

  test("on the loss of distillation but for the teacher's entropy, which has no gradient, and its gradient", () => {
    const { temperature, teacherEntropy, loss: theirs, gradient: expected } = distillation;
    const { loss, gradient } = ours(0, temperature);
    expectNear([loss - temperature ** 2 * teacherEntropy], [theirs], 1e-3);
    expectNear(gradient, expected, 1e-5);
  });

  test.each(pytorch.clipping)('on gradients clipped to a norm of $maxNorm', ({ maxNorm, gradients }) => {
    const [kernel = [], bias = []] = pytorch.gradients[0] ?? [];
    const clipped = clipGradients(gradientsOf(kernel, bias), maxNorm);
    expectNear(values(clipped), gradients.flat(), 1e-6);
    disposeGradients(clipped);
  });
});
