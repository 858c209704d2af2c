import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Padding } from '../../../src/models/graph';
import type { EngineName } from '../../../src/recipe/engineNames';
import {
  adaptiveAveragePool,
  adaptiveAveragePoolGradient,
} from '../../../src/training/ops/adaptiveAveragePool';
import { add } from '../../../src/training/ops/add';
import {
  batchNorm,
  batchNormGradients,
  batchNormTraining,
  batchStatistics,
  updateRunningStatistics,
} from '../../../src/training/ops/batchNorm';
import { channelMean, channelSum, rowSum, scaleShift } from '../../../src/training/ops/channels';
import { concat, concatGradient } from '../../../src/training/ops/concat';
import {
  addBias,
  type Convolution,
  conv2d,
  conv2dInputGradient,
  conv2dKernelGradient,
} from '../../../src/training/ops/convolution/conv2d';
import { dense, denseInputGradient, denseKernelGradient } from '../../../src/training/ops/dense';
import { dropout, dropoutMask } from '../../../src/training/ops/dropout';
import { flatten } from '../../../src/training/ops/flatten';
import { globalAveragePool, globalAveragePoolGradient } from '../../../src/training/ops/globalAveragePool';
import { normOf } from '../../../src/training/ops/norm';
import { type Pool, pool, poolGradient } from '../../../src/training/ops/pool';
import { relu, reluGradient } from '../../../src/training/ops/relu';
import { relu6, relu6Gradient } from '../../../src/training/ops/relu6';
import { softmaxCrossEntropy } from '../../../src/training/ops/softmaxCrossEntropy';
import { Random } from '../../../src/training/random';
import {
  dot,
  expectClose,
  expectFiniteDifferences,
  on,
  reference,
  type Values,
  values,
} from '../support/numbers';

/** Checks op by op, forward and backward, that an engine computes the same as every other. */
export function describeOps(engine: EngineName): void {
  describe(`ops on ${engine}`, () => {
    describeConvolutions(engine);
    describeBatchNorm(engine);
    describePools(engine);
    describePointwise(engine);
    describeConcat(engine);
    describeDropout(engine);
    describeDense(engine);
    describeLoss(engine);
    describeNorm(engine);
  });
}

interface ConvolutionCase extends Convolution {
  readonly input: [batch: number, height: number, width: number, channels: number];
  readonly kernel: number | readonly [height: number, width: number];
  readonly filters: number;
}

function convolutions(): ConvolutionCase[] {
  const shared = { groups: 1, filters: 3 };
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const cases: ConvolutionCase[] = [];
  for (const size of sizes) {
    const input: ConvolutionCase['input'] = [2, size, size, 3];
    cases.push(
      { ...shared, input, kernel: 3, stride: 1, padding: even(1) },
      { ...shared, input, kernel: 3, stride: 2, padding: even(1) },
      { ...shared, input, kernel: 1, stride: 1, padding: even(0) },
      { ...shared, input, kernel: 1, stride: 2, padding: even(0) },
      { ...shared, input, kernel: 7, stride: 2, padding: even(3) },
    );
  }
  for (const size of [7, 14, 28]) {
    cases.push(
      { ...shared, input: [1, size, size, 1], filters: 4, kernel: 3, stride: 1, padding: even(1) },
      { ...shared, input: [1, size, size, 2], filters: 3, kernel: 3, stride: 2, padding: even(1) },
      { ...shared, input: [1, size, size, 3], filters: 2, kernel: 1, stride: 2, padding: even(0) },
    );
  }
  cases.push(
    { ...shared, input: [3, 4, 6, 16], filters: 16, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [2, 7, 4, 16], filters: 16, kernel: 3, stride: 2, padding: even(1) },
    { ...shared, input: [2, 5, 3, 16], filters: 16, kernel: 1, stride: 1, padding: even(0) },
    { ...shared, input: [1, 9, 9, 3], filters: 16, kernel: 7, stride: 2, padding: even(3) },
    // Channel counts that are multiples of 8, which engines may handle on a fast path: more tiles than a block, odd
    // sizes, every padding.
    { ...shared, input: [3, 28, 28, 8], filters: 8, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [1, 7, 9, 16], filters: 8, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [2, 1, 2, 8], filters: 16, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [2, 5, 4, 8], filters: 8, kernel: 3, stride: 1, padding: even(0) },
    { ...shared, input: [2, 4, 5, 8], filters: 8, kernel: 3, stride: 1, padding: even(2) },
    {
      ...shared,
      input: [1, 6, 6, 8],
      filters: 8,
      kernel: 3,
      stride: 1,
      padding: { top: 2, bottom: 0, left: 0, right: 1 },
    },
    { ...shared, input: [2, 9, 8, 16], filters: 8, kernel: 1, stride: 2, padding: even(0) },
    { ...shared, input: [3, 7, 9, 8], filters: 24, kernel: 3, stride: 2, padding: even(1) },
    { ...shared, input: [1, 9, 8, 8], filters: 8, kernel: 2, stride: 3, padding: even(0) },
    { ...shared, input: [5, 2, 2, 8], filters: 16, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [3, 4, 4, 16], filters: 8, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [1, 4, 7, 24], filters: 8, kernel: 3, stride: 1, padding: even(1) },
    // More channels and more pixels than a block has rows.
    { ...shared, input: [1, 2, 3, 520], filters: 8, kernel: 1, stride: 1, padding: even(0) },
    { ...shared, input: [2, 17, 17, 8], filters: 16, kernel: 1, stride: 1, padding: even(0) },
    // Padding that differs on every side, no padding, and strides larger than the kernel.
    {
      ...shared,
      input: [2, 6, 5, 2],
      kernel: 3,
      stride: 1,
      padding: { top: 0, bottom: 2, left: 1, right: 0 },
    },
    {
      ...shared,
      input: [2, 6, 7, 2],
      kernel: 3,
      stride: 2,
      padding: { top: 2, bottom: 0, left: 0, right: 1 },
    },
    { ...shared, input: [2, 8, 8, 2], kernel: 3, stride: 2, padding: even(0) },
    { ...shared, input: [2, 8, 7, 2], kernel: 2, stride: 3, padding: even(0) },
    { ...shared, input: [2, 9, 8, 2], kernel: 5, stride: 3, padding: even(2) },
    {
      ...shared,
      input: [2, 4, 5, 2],
      kernel: 1,
      stride: 1,
      padding: { top: 0, bottom: 0, left: 0, right: 0 },
    },
    // Non-square kernels, as in Inception, including images smaller than the kernel.
    { ...shared, input: [2, 5, 6, 3], kernel: [1, 7], stride: 1, padding: sides(0, 3) },
    { ...shared, input: [2, 5, 6, 3], kernel: [7, 1], stride: 1, padding: sides(3, 0) },
    { ...shared, input: [2, 3, 3, 16], filters: 8, kernel: [7, 1], stride: 1, padding: sides(3, 0) },
    { ...shared, input: [1, 1, 1, 8], filters: 8, kernel: [1, 3], stride: 1, padding: sides(0, 1) },
    { ...shared, input: [2, 4, 5, 8], filters: 8, kernel: [3, 1], stride: 1, padding: sides(1, 0) },
    { ...shared, input: [2, 7, 6, 2], kernel: [2, 5], stride: 2, padding: sides(1, 2) },
    // Large filters on small images, which engines may compute as matrix products of windows.
    { ...shared, input: [2, 2, 1, 256], filters: 256, kernel: 3, stride: 1, padding: even(1) },
    { ...shared, input: [1, 3, 4, 300], filters: 292, kernel: [2, 3], stride: 2, padding: sides(0, 1) },
    { ...shared, input: [2, 3, 2, 512], filters: 1024, kernel: 1, stride: 2, padding: even(0) },
    // Grouped and depthwise convolutions.
    { input: [2, 5, 6, 4], filters: 6, groups: 2, kernel: 3, stride: 1, padding: even(1) },
    { input: [2, 5, 6, 4], filters: 8, groups: 4, kernel: 3, stride: 2, padding: even(1) },
    { input: [2, 5, 6, 3], filters: 3, groups: 3, kernel: 3, stride: 1, padding: even(1) },
    { input: [2, 6, 7, 3], filters: 3, groups: 3, kernel: 3, stride: 2, padding: even(1) },
    { input: [2, 7, 6, 16], filters: 16, groups: 16, kernel: 5, stride: 2, padding: even(2) },
    { input: [2, 4, 4, 3], filters: 3, groups: 3, kernel: 1, stride: 1, padding: even(0) },
  );
  return cases;
}

function describeConvolutions(engine: EngineName): void {
  describe('conv2d', () => {
    it.each(convolutions().map((each) => [nameOf(each), each] as const))('%s', async (_name, convolution) => {
      const x = values(convolution.input, 1);
      const { kernel: size, filters, groups } = convolution;
      const extents = typeof size === 'number' ? [size, size] : size;
      const kernel = values([...extents, convolution.input[3] / groups, filters], 2);
      const plain = (image: tf.Tensor4D, weights: tf.Tensor4D) =>
        plainConvolution(image, weights, convolution);
      const [{ shape }] = await on('cpu', [x, kernel], (...tensors) => [
        tf.tidy(() => plain(tensors[0], tensors[1])),
      ]);
      const dy = values(shape, 3);
      const expected = await reference([x, kernel], plain, dy);
      const [y, dx, dKernel] = await on(engine, [x, kernel, dy], (image, weights, upstream) => [
        conv2d(image, weights, convolution),
        conv2dInputGradient(upstream, weights, image.shape, convolution),
        conv2dKernelGradient(image, upstream, weights.shape, convolution),
      ]);
      expectClose(y, expected.output);
      expectClose(dx, expected.gradients[0] as Values);
      expectClose(dKernel, expected.gradients[1] as Values);
      const loss = async ([image, weights]: readonly Values[]) => {
        const [output] = await on(engine, [image as Values, weights as Values], (...tensors) => [
          conv2d(tensors[0], tensors[1], convolution),
        ]);
        return dot(output, dy);
      };
      await expectFiniteDifferences([x, kernel], [dx, dKernel], loss);
    });

    it('adds a bias by channel', async () => {
      const [x, bias] = [values([2, 3, 4, 5], 1), values([5], 2)];
      const expected = await reference([x, bias], (image, shift) => tf.add(image, shift), x);
      const [y, dBias] = await on(engine, [x, bias], (image, shift) => [
        addBias(image, shift),
        channelSum(image),
      ]);
      expectClose(y, expected.output);
      expectClose(dBias, expected.gradients[1] as Values);
    });
  });
}

/** Computes one plain TensorFlow.js convolution per group, on an image padded beforehand. */
function plainConvolution(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  { stride, padding, groups }: Convolution,
): tf.Tensor4D {
  const { top, bottom, left, right } = padding;
  const padded: tf.Tensor4D = tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
  if (groups === 1) return tf.conv2d<tf.Tensor4D>(padded, kernel, stride, 'valid');
  const images = tf.split<tf.Tensor4D>(padded, groups, 3);
  const kernels = tf.split(kernel, groups, 3);
  return tf.concat(
    images.map((image, group) =>
      tf.conv2d<tf.Tensor4D>(image, kernels[group] as tf.Tensor4D, stride, 'valid'),
    ),
    3,
  );
}

function describeBatchNorm(engine: EngineName): void {
  const epsilon = 1e-5;
  const plain = (x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const normalized = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon)));
    return tf.add(tf.mul(normalized, gamma), beta);
  };
  const shapes: [number, number, number, number][] = [
    [2, 1, 1, 3],
    [3, 2, 3, 1],
    [4, 5, 5, 16],
    [2, 9, 8, 3],
    [1, 28, 28, 2],
    // Channel counts that are multiples of 4, and more pixels than are summed at a time.
    [2, 3, 5, 4],
    [1, 1, 1, 8],
    [3, 11, 9, 20],
  ];

  describe('batch norm', () => {
    for (const activation of ['linear', 'relu'] as const) {
      it.each(shapes.map((shape) => [shape.join('x'), shape] as const))(
        `%s, ${activation}`,
        async (_name, shape) => {
          const channels = shape[3];
          const inputs = [values(shape, 1), values([channels], 2), values([channels], 3)] as const;
          const dy = values(shape, 4);
          const compute = (x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D) =>
            activation === 'relu' ? tf.relu(plain(x, gamma, beta)) : plain(x, gamma, beta);
          const expected = await reference(inputs, compute, dy);
          const outputs = await on(engine, [...inputs, dy], (x, gamma, beta, upstream) => {
            const statistics = batchStatistics(x);
            const y = batchNorm(x, statistics, { gamma, beta, epsilon }, activation);
            const kept = activation === 'relu' ? y : null;
            const running = { mean: beta, variance: gamma };
            const training = batchNormTraining(x, { gamma, beta, epsilon }, activation, running, 0.1);
            const { dx, dGamma, dBeta } = batchNormGradients(upstream, x, kept, statistics, {
              gamma,
              epsilon,
            });
            const { mean, variance } = training.statistics;
            tf.dispose([training.running.mean, training.running.variance]);
            return [training.y, dx, dGamma, dBeta, y, mean, variance, statistics.mean, statistics.variance];
          });
          expectClose(outputs[0] as Values, expected.output);
          for (const index of [0, 1, 2])
            expectClose(outputs[index + 1] as Values, expected.gradients[index] as Values, 1e-4);
          expectClose(outputs[4] as Values, expected.output);
          for (const index of [5, 6]) expectClose(outputs[index] as Values, outputs[index + 2] as Values);
        },
      );
    }

    it('agrees with finite differences', async () => {
      const inputs = [values([3, 3, 4, 2], 1), values([2], 2), values([2], 3)];
      const dy = values([3, 3, 4, 2], 4);
      const run = (at: readonly Values[]) =>
        on(engine, [...at, dy], (x, gamma, beta, upstream) => {
          const statistics = batchStatistics(x);
          const y = batchNorm(x, statistics, { gamma, beta, epsilon }, 'linear');
          const { dx, dGamma, dBeta } = batchNormGradients(upstream, x, null, statistics, { gamma, epsilon });
          tf.dispose([statistics.mean, statistics.variance]);
          return [y, dx, dGamma, dBeta];
        });
      const [, ...gradients] = await run(inputs);
      await expectFiniteDifferences(inputs, gradients, async (at) => dot((await run(at))[0] as Values, dy), {
        step: 3e-3,
      });
    });

    it('keeps its precision when the mean is far larger than the deviation', async () => {
      const far = values([4, 8, 8, 4], 1);
      const x = { shape: far.shape, data: far.data.map((value) => value + 300) };
      const channel = (index: number) => [...x.data].filter((_value, at) => at % 4 === index);
      const one = { shape: [4], data: Float32Array.of(1, 1, 1, 1) };
      const [mean, variance, trainingMean, trainingVariance] = await on(engine, [x, one], (image, ones) => {
        const statistics = batchStatistics(image);
        const running = { mean: ones, variance: ones };
        const training = batchNormTraining(
          image,
          { gamma: ones, beta: ones, epsilon },
          'linear',
          running,
          0.1,
        );
        tf.dispose([training.y, training.running.mean, training.running.variance]);
        return [...Object.values(statistics), ...Object.values(training.statistics)];
      });
      for (const index of [0, 1, 2, 3]) {
        const all = channel(index);
        const exact = all.reduce((sum, value) => sum + value, 0) / all.length;
        const spread = all.reduce((sum, value) => sum + (value - exact) ** 2, 0) / all.length;
        for (const { data } of [mean, trainingMean] as Values[]) expect(data[index]).toBeCloseTo(exact, 3);
        for (const { data } of [variance, trainingVariance] as Values[]) {
          expect(data[index]).toBeCloseTo(spread, 3);
        }
      }
    });

    it.each([
      ['linear', 0.1],
      ['relu', 0.25],
      ['linear', 1],
    ] as const)(
      'normalizes a batch and computes its statistics in one op, %s, momentum %d',
      async (activation, momentum) => {
        const shape = [2, 3, 4, 5];
        const means = values([5], 4);
        const inputs = [values(shape, 1), values([5], 2), values([5], 3), means];
        const variances = { shape: [5], data: means.data.map((value) => value ** 2 + 1) };
        const one = await on(engine, [...inputs, variances], (x, gamma, beta, mean, variance) => {
          const scale = { gamma, beta, epsilon };
          const { y, statistics, running } = batchNormTraining(
            x,
            scale,
            activation,
            { mean, variance },
            momentum,
          );
          return [y, statistics.mean, statistics.variance, running.mean, running.variance];
        });
        const parts = await on('cpu', [...inputs, variances], (image, scaled, shifted, mean, variance) => {
          const batch = tf.tidy(() => tf.moments(image, [0, 1, 2])) as {
            mean: tf.Tensor1D;
            variance: tf.Tensor1D;
          };
          const y = tf.tidy(() => {
            const normalized = plain(image, scaled, shifted);
            return activation === 'relu' ? tf.relu(normalized) : normalized;
          });
          const after = updateRunningStatistics({ mean, variance }, batch, 24, momentum);
          return [y, batch.mean, batch.variance, after.mean, after.variance];
        });
        for (const [index, expected] of parts.entries()) expectClose(one[index] as Values, expected);
      },
    );

    it('updates running statistics with the biased mean and the unbiased variance, like PyTorch', async () => {
      // torch.nn.BatchNorm2d(1, momentum=0.1) after the batch [1, 2, 3, 6]: mean 3, unbiased variance 14 / 3.
      const inputs = [
        values([1], 1),
        { shape: [1], data: Float32Array.of(3) },
        { shape: [1], data: Float32Array.of(3.5) },
      ];
      const [mean, variance] = await on(engine, inputs, (_unused, batchMean, batchVariance) => {
        const running = { mean: tf.zeros<tf.Rank.R1>([1]), variance: tf.ones<tf.Rank.R1>([1]) };
        const after = updateRunningStatistics(running, { mean: batchMean, variance: batchVariance }, 4, 0.1);
        tf.dispose([running.mean, running.variance]);
        return [after.mean, after.variance];
      });
      expect(mean.data[0]).toBeCloseTo(0.3, 6);
      expect(variance.data[0]).toBeCloseTo(0.9 + 0.1 * (14 / 3), 6);
    });
  });
}

function describePools(engine: EngineName): void {
  const cases: PoolCase[] = [];
  for (const extent of [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 28]) {
    const input: [number, number, number, number] = [2, extent, extent + (extent % 2), 3];
    cases.push({ mode: 'max', size: [3, 3], stride: 2, padding: even(1), countsPadding: false, input });
    if (extent > 1) {
      cases.push({ mode: 'average', size: [2, 2], stride: 2, padding: even(0), countsPadding: false, input });
      cases.push({ mode: 'max', size: [2, 2], stride: 2, padding: even(0), countsPadding: false, input });
    }
  }
  cases.push({
    mode: 'average',
    size: [3, 3],
    stride: 2,
    padding: even(1),
    countsPadding: false,
    input: [2, 5, 6, 3],
  });
  cases.push({
    mode: 'max',
    size: [3, 3],
    stride: 2,
    padding: { top: 0, bottom: 1, left: 1, right: 0 },
    countsPadding: false,
    input: [2, 6, 7, 2],
  });
  // As in Inception: padding that counts, whole windows that do not reach every pixel, windows of other shapes.
  const inception = { stride: 1, padding: even(1), countsPadding: true, input: [2, 5, 6, 3] } as const;
  cases.push({ mode: 'average', size: [3, 3], ...inception });
  cases.push({ mode: 'average', size: [3, 3], ...inception, input: [2, 1, 1, 3] });
  cases.push({ mode: 'average', size: [3, 2], ...inception, stride: 2 });
  cases.push({ mode: 'average', size: [2, 3], ...inception, countsPadding: false });
  cases.push({
    mode: 'max',
    size: [3, 3],
    stride: 2,
    padding: even(0),
    countsPadding: false,
    input: [2, 8, 7, 3],
  });
  cases.push({
    mode: 'max',
    size: [4, 3],
    stride: 1,
    padding: even(0),
    countsPadding: false,
    input: [2, 4, 3, 3],
  });

  describe('pool', () => {
    it.each(cases.map((each) => [poolName(each), each] as const))('%s', async (_name, window) => {
      const x = values([...window.input], 1);
      const plain = (image: tf.Tensor4D) => plainPool(image, window);
      const [{ shape }] = await on('cpu', [x], (image) => [tf.tidy(() => plain(image))]);
      const dy = values(shape, 2);
      const expected = await reference([x], plain, dy);
      const [y, dx] = await on(engine, [x, dy], (image, upstream) => {
        const output = pool(image, window);
        return [output, poolGradient(upstream, image, output, window)];
      });
      expectClose(y, expected.output);
      expectClose(dx, expected.gradients[0] as Values);
      if (window.mode === 'max') return;
      const loss = async ([image]: readonly Values[]) => {
        const [output] = await on(engine, [image as Values], (tensor) => [pool(tensor, window)]);
        return dot(output, dy);
      };
      await expectFiniteDifferences([x], [dx], loss);
    });

    it('passes the gradient to one of equal maxima, and to a maximum that is not positive', async () => {
      const window: Pool = {
        mode: 'max',
        size: [2, 2],
        stride: 2,
        padding: { top: 0, bottom: 0, left: 0, right: 0 },
        countsPadding: true,
      };
      const x = { shape: [1, 2, 4, 1], data: Float32Array.of(0, 0, -3, -2, 0, 0, -1, -1) };
      const dy = { shape: [1, 1, 2, 1], data: Float32Array.of(5, 7) };
      const [dx] = await on(engine, [x, dy], (image, upstream) => [
        tf.tidy(() => poolGradient(upstream, image, pool(image, window), window)),
      ]);
      // Both are subgradients. WebGPU's kernel takes the last maximum, the others the first, like PyTorch.
      const expected = engine === 'webgpu' ? [0, 0, 0, 0, 0, 5, 0, 7] : [5, 0, 0, 0, 0, 0, 7, 0];
      expect([...dx.data]).toEqual(expected);
    });
  });

  describe('adaptive average pool', () => {
    it.each([
      [
        [2, 7, 7, 3],
        [7, 7],
      ],
      [
        [2, 9, 10, 3],
        [7, 3],
      ],
      [
        [3, 1, 1, 4],
        [7, 7],
      ],
      [
        [1, 2, 5, 1],
        [3, 2],
      ],
    ] as const)('%s to %s', async (shape, size) => {
      const x = values([...shape], 1);
      const dy = values([shape[0], ...size, shape[3]], 2);
      const expected = await reference([x], (image) => plainAdaptivePool(image, size), dy);
      const [y, dx] = await on(engine, [x, dy], (image, upstream) => [
        adaptiveAveragePool(image, size),
        adaptiveAveragePoolGradient(upstream, image.shape),
      ]);
      expectClose(y, expected.output);
      expectClose(dx, expected.gradients[0] as Values);
      const loss = async ([image]: readonly Values[]) => {
        const [output] = await on(engine, [image as Values], (tensor) => [adaptiveAveragePool(tensor, size)]);
        return dot(output, dy);
      };
      await expectFiniteDifferences([x], [dx], loss);
    });
  });

  describe('global average pool', () => {
    it.each([[[2, 1, 1, 3]], [[3, 7, 7, 16]], [[2, 4, 5, 1]]])('%s', async (shape) => {
      const x = values(shape, 1);
      const dy = values([shape[0] ?? 0, shape[3] ?? 0], 2);
      const expected = await reference([x], (image) => tf.mean(image, [1, 2]), dy);
      const [y, dx] = await on(engine, [x, dy], (image, upstream) => [
        globalAveragePool(image),
        globalAveragePoolGradient(upstream, image.shape),
      ]);
      expectClose(y, expected.output);
      expectClose(dx, expected.gradients[0] as Values);
    });
  });
}

interface PoolCase extends Pool {
  readonly input: readonly [batch: number, height: number, width: number, channels: number];
}

function poolName({ mode, size, stride, padding, countsPadding, input }: PoolCase): string {
  const pixels = `p${Object.values(padding).join('')}${countsPadding ? ' that counts' : ''}`;
  return `${mode} ${size.join('x')} s${stride} ${pixels} of ${input.join('x')}`;
}

/** Pools an image padded beforehand: with a value that is never the maximum, or with the count of real pixels kept. */
function plainPool(x: tf.Tensor4D, { mode, size, stride, padding, countsPadding }: Pool): tf.Tensor4D {
  const window: [number, number] = [...size];
  const { top, bottom, left, right } = padding;
  const around: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  if (mode === 'max') return tf.maxPool(tf.pad(x, around, -100), window, stride, 'valid');
  const sums = tf.avgPool(tf.pad(x, around), window, stride, 'valid');
  if (countsPadding) return sums;
  const counts = tf.avgPool(tf.pad(tf.onesLike(x), around), window, stride, 'valid');
  return tf.div(sums, counts);
}

/** Averages one window after another. */
function plainAdaptivePool(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const window = (index: number, extent: number, out: number) => {
    const first = Math.floor((index * extent) / out);
    return { first, length: Math.ceil(((index + 1) * extent) / out) - first };
  };
  const means: tf.Tensor[] = [];
  for (let row = 0; row < size[0]; row++) {
    for (let column = 0; column < size[1]; column++) {
      const down = window(row, height, size[0]);
      const across = window(column, width, size[1]);
      const seen = tf.slice4d(
        x,
        [0, down.first, across.first, 0],
        [batch, down.length, across.length, channels],
      );
      means.push(tf.mean(seen, [1, 2]));
    }
  }
  return tf.reshape(tf.stack(means, 1), [batch, ...size, channels]);
}

function describePointwise(engine: EngineName): void {
  describe('pointwise', () => {
    const [left, right, dy] = [values([2, 3, 4, 3], 1), values([2, 3, 4, 3], 2), values([2, 3, 4, 3], 3)];

    it('relu passes positive values, and the gradient where it passed', async () => {
      const expected = await reference([left], (x) => tf.relu(x), dy);
      const [y, dx] = await on(engine, [left, dy], (x, upstream) => {
        const output = relu(x);
        return [output, reluGradient(upstream, output)];
      });
      expectClose(y, expected.output);
      expectClose(dx, expected.gradients[0] as Values);
    });

    it('relu has the gradient 0 at 0', async () => {
      const y = { shape: [2], data: Float32Array.of(0, 1) };
      const ones = { shape: [2], data: Float32Array.of(1, 1) };
      const [dx] = await on(engine, [ones, y], (upstream, output) => [reluGradient(upstream, output)]);
      expect([...dx.data]).toEqual([0, 1]);
    });

    it('relu6 passes values between 0 and 6, and the gradient where it passed', async () => {
      // PyTorch's relu6 and its gradient for these inputs: torch.nn.functional.relu6(x).backward(dy).
      const x = { shape: [6], data: Float32Array.of(-2, 0, 0.5, 5.75, 6, 7) };
      const upstream = { shape: [6], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
      const [y, dx] = await on(engine, [x, upstream], (input, dy) => {
        const output = relu6(input);
        return [output, relu6Gradient(dy, output)];
      });
      expect([...y.data]).toEqual([0, 0, 0.5, 5.75, 6, 6]);
      expect([...dx.data].map((each) => each + 0)).toEqual([0, 0, 3, 4, 0, 0]);
    });

    it.each(['linear', 'relu'] as const)('add, %s', async (activation) => {
      const expected = await reference([left, right], (a, b) =>
        activation === 'relu' ? tf.relu(tf.add(a, b)) : tf.add(a, b),
      );
      const [y] = await on(engine, [left, right], (a, b) => [add(a, b, activation)]);
      expectClose(y, expected.output);
    });

    it('scales and shifts, sums and averages by channel', async () => {
      const [scale, shift] = [values([3], 4), values([3], 5)];
      const expected = await reference([left, scale, shift], (x, a, b) => tf.relu(tf.add(tf.mul(x, a), b)));
      const plain = await reference([left], (x) => tf.sum(x, [0, 1, 2]));
      const [y, sum, mean] = await on(engine, [left, scale, shift], (x, a, b) => [
        scaleShift(x, a, b, 'relu'),
        channelSum(x),
        channelMean(x),
      ]);
      expectClose(y, expected.output);
      expectClose(sum, plain.output);
      expectClose(mean, { shape: [3], data: plain.output.data.map((value) => value / 24) });
    });
  });
}

function describeConcat(engine: EngineName): void {
  it.each([[[1, 2]], [[3, 1, 4]], [[5]]])('concat of %s channels', async (channels) => {
    const images = channels.map((count, index) => values([2, 3, 4, count], index + 1));
    const dy = values([2, 3, 4, channels.reduce((sum, count) => sum + count, 0)], 9);
    const expected = await reference(images, (...tensors) => tf.concat(tensors, 3), dy);
    const [y] = await on(engine, images, (...tensors) => [concat(tensors)]);
    expectClose(y, expected.output);
    const gradients: Values[] = [];
    let first = 0;
    for (const count of channels) {
      const from = first;
      const [gradient] = await on(engine, [dy], (upstream) => [concatGradient(upstream, from, count)]);
      gradients.push(gradient);
      first += count;
    }
    for (const [index, gradient] of gradients.entries()) {
      expectClose(gradient, expected.gradients[index] as Values);
    }
    const loss = async (at: readonly Values[]) => {
      const [output] = await on(engine, at, (...tensors) => [concat(tensors)]);
      return dot(output, dy);
    };
    await expectFiniteDifferences(images, gradients, loss);
  });
}

function describeDropout(engine: EngineName): void {
  describe('dropout', () => {
    const mask = async (shape: number[], options: { rate: number; per: 'value' | 'image' }, seed = 1) => {
      const [drawn] = await on(engine, [], () => [
        dropoutMask(shape, options, Random.seeded(seed, 'dropout')),
      ]);
      return drawn;
    };

    it('per value drops the share that its rate says, and scales the rest to keep the mean', async () => {
      const { data } = await mask([50, 400], { rate: 0.3, per: 'value' });
      const left = data.filter((factor) => factor !== 0);
      // 20,000 draws: three standard deviations are 0.01.
      expect(left.length / data.length).toBeCloseTo(0.7, 2);
      for (const factor of left) expect(factor).toBeCloseTo(1 / 0.7, 6);
    });

    it('per image drops whole images', async () => {
      const { shape, data } = await mask([500, 2, 3, 4], { rate: 0.5, per: 'image' });
      expect(shape).toEqual([500, 1, 1, 1]);
      expect(new Set(data)).toEqual(new Set([0, 2]));
      expect((await mask([500, 7], { rate: 0.5, per: 'image' })).data).toEqual(data);
    });

    it('draws the same mask from one seed, and another from another seed', async () => {
      const options = { rate: 0.5, per: 'value' } as const;
      expect(await mask([64], options)).toEqual(await mask([64], options));
      expect((await mask([64], options, 2)).data).not.toEqual((await mask([64], options)).data);
    });

    it.each(['value', 'image'] as const)(
      'per %s has the gradient of the product with its mask',
      async (per) => {
        const x = values([6, 2, 3, 2], 1);
        const dy = values([6, 2, 3, 2], 2);
        const run = (at: Values) =>
          on(engine, [at, dy], (image, upstream) => {
            const drawn = dropoutMask(image.shape, { rate: 0.5, per }, Random.seeded(3, 'dropout'));
            const outputs = [dropout<tf.Tensor>(image, drawn), dropout<tf.Tensor>(upstream, drawn)] as const;
            drawn.dispose();
            return outputs;
          });
        const [, dx] = await run(x);
        expect(dx.data.some((value) => value === 0)).toBe(true);
        await expectFiniteDifferences([x], [dx], async ([at]) => dot((await run(at as Values))[0], dy));
      },
    );
  });
}

function describeDense(engine: EngineName): void {
  it.each([
    [1, 1, 1],
    [3, 5, 4],
    [7, 64, 10],
  ])('dense: %i rows of %i to %i', async (batch, features, classes) => {
    const inputs = [
      values([batch, features], 1),
      values([features, classes], 2),
      values([classes], 3),
    ] as const;
    const dy = values([batch, classes], 4);
    const expected = await reference(inputs, (x, kernel, bias) => tf.add(tf.matMul(x, kernel), bias), dy);
    const [y, dx, dKernel, dBias] = await on(engine, [...inputs, dy], (x, kernel, bias, upstream) => [
      dense(x, kernel, bias),
      denseInputGradient(upstream, kernel),
      denseKernelGradient(x, upstream),
      rowSum(upstream),
    ]);
    expectClose(y, expected.output);
    for (const [index, gradient] of [dx, dKernel, dBias].entries()) {
      expectClose(gradient, expected.gradients[index] as Values);
    }
  });

  it('flatten keeps the batch and the order', async () => {
    const x = values([2, 3, 4, 5], 1);
    const [y] = await on(engine, [x], (image) => [flatten(image)]);
    expect(y).toEqual({ shape: [2, 60], data: x.data });
  });
}

function describeLoss(engine: EngineName): void {
  describe('softmax cross entropy', () => {
    const run = (logits: Values, targets: Values) =>
      on(engine, [logits, targets], (...tensors) => {
        const { loss, dLogits } = softmaxCrossEntropy(tensors[0], tensors[1]);
        return [loss, dLogits];
      });

    it('equals the published values, plain and with smoothed labels', async () => {
      const logits = { shape: [1, 4], data: Float32Array.of(2, 1, 0, -1) };
      const [plain] = await run(logits, { shape: [1, 4], data: Float32Array.of(1, 0, 0, 0) });
      const [smoothed] = await run(logits, {
        shape: [1, 4],
        data: Float32Array.of(0.925, 0.025, 0.025, 0.025),
      });
      expect(plain.data[0]).toBeCloseTo(0.4401897, 6);
      expect(smoothed.data[0]).toBeCloseTo(0.5901897, 6);
    });

    it('treats each image independently, however far its logits are from those of another', async () => {
      const logits = { shape: [2, 2], data: Float32Array.of(200, 199, -200, -201) };
      const [loss, dLogits] = await run(logits, { shape: [2, 2], data: Float32Array.of(1, 0, 1, 0) });
      // ln(1 + e^-1), and half of softmax minus target.
      expect(loss.data[0]).toBeCloseTo(0.3132617, 6);
      for (const [index, expected] of [-0.1344707, 0.1344707, -0.1344707, 0.1344707].entries()) {
        expect(dLogits.data[index]).toBeCloseTo(expected, 6);
      }
    });

    it.each([1, 5])('equals automatic differentiation with soft targets, batch %i', async (batch) => {
      const logits = values([batch, 6], 1);
      const soft = values([batch, 6], 2);
      const targets = { shape: soft.shape, data: soft.data.map((value) => Math.abs(value)) };
      const expected = await reference([logits, targets], (x, t) =>
        tf.mean(tf.neg(tf.sum(tf.mul(t, tf.logSoftmax(x)), 1))),
      );
      const [loss, dLogits] = await run(logits, targets);
      expectClose(loss, expected.output);
      expectClose(dLogits, expected.gradients[0] as Values);
    });

    it('stays finite for logits whose exponentials overflow', async () => {
      const [loss, dLogits] = await run(
        { shape: [1, 3], data: Float32Array.of(1000, 0, -1000) },
        { shape: [1, 3], data: Float32Array.of(0, 1, 0) },
      );
      expect(loss.data[0]).toBeCloseTo(1000, 3);
      expect([...dLogits.data]).toEqual([1, -1, 0]);
    });
  });
}

function even(pixels: number): Padding {
  return { top: pixels, bottom: pixels, left: pixels, right: pixels };
}

function sides(vertical: number, horizontal: number): Padding {
  return { top: vertical, bottom: vertical, left: horizontal, right: horizontal };
}

function nameOf({ input, kernel, stride, padding, filters, groups }: ConvolutionCase): string {
  const { top, bottom, left, right } = padding;
  const size = typeof kernel === 'number' ? `${kernel}x${kernel}` : kernel.join('x');
  return `${size} s${stride} p${[top, bottom, left, right].join('')} of ${input.join('x')} to ${filters}, ${groups} groups`;
}

function describeNorm(engine: EngineName): void {
  // Sizes around the unit of summation: vectors, rounds of vectors, and chunks of rounds.
  it.each([[[1]], [[3]], [[17]], [[3, 3, 2, 5]], [[2 ** 14]], [[2 ** 15 + 37]], [[300, 700]]])(
    'the norm of %j values',
    async (shape) => {
      const x = values(shape, 1);
      const [norm] = await on(engine, [x], (tensor) => [normOf(tensor)]);
      const expected = Math.sqrt(x.data.reduce((sum, value) => sum + value * value, 0));
      expect(norm.shape).toEqual([]);
      expect(Math.abs((norm.data[0] as number) / expected - 1)).toBeLessThan(1e-5);
    },
  );

  it('the norm of zeros is 0', async () => {
    const [norm] = await on(engine, [{ shape: [20], data: new Float32Array(20) }], (x) => [normOf(x)]);
    expect(norm.data[0]).toBe(0);
  });
}
