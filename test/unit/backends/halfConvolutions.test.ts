import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { roundTensor } from '../../../src/backends/precision/roundTensor';
import type { EngineName } from '../../../src/recipe/engineNames';
import {
  conv2d,
  conv2dInputGradient,
  conv2dKernelGradient,
} from '../../../src/training/ops/convolution/conv2d';
import { type Values, values } from '../support/numbers';
import { HALF_ENGINE } from '../support/presentEngines';

/** TensorFlow's half-precision convolutions compared with float32 convolutions of the same rounded values. */
describe.runIf(HALF_ENGINE)(`convolutions of ${HALF_ENGINE} in half precision`, () => {
  const engine = HALF_ENGINE as EngineName;
  // Includes images so small that some kernel taps never meet them, and few channels: where kernels go wrong.
  const cases = [1, 2, 3, 4, 7, 8, 14]
    .flatMap((size) =>
      [
        { kernel: 3, stride: 1, pad: 1, channels: [16, 16] },
        { kernel: 3, stride: 2, pad: 1, channels: [16, 32] },
        { kernel: 1, stride: 1, pad: 0, channels: [3, 8] },
        { kernel: 1, stride: 2, pad: 0, channels: [4, 8] },
        { kernel: 1, stride: 2, pad: 0, channels: [32, 64] },
        { kernel: 7, stride: 2, pad: 3, channels: [3, 16] },
      ].map((shape) => ({ size, ...shape })),
    )
    .concat([
      // Large filters on small images, computed as matrix products of windows.
      { size: 1, kernel: 3, stride: 1, pad: 1, channels: [256, 256] },
      { size: 2, kernel: 3, stride: 1, pad: 1, channels: [256, 320] },
      { size: 4, kernel: 3, stride: 2, pad: 1, channels: [256, 256] },
      { size: 4, kernel: 1, stride: 2, pad: 0, channels: [512, 1024] },
    ]);

  describe.each([
    ['bfloat16', 2 ** -8],
    ['float16', 2 ** -11],
  ] as const)('in %s', (format, unit) => {
    it.each(cases)('$kernel x $kernel by $stride on $size x $size, $channels', async (shape) => {
      await loadEngine(engine);
      const { size, kernel, stride, pad, channels } = shape;
      const [inputs = 1, filters = 1] = channels;
      const out = Math.floor((size + 2 * pad - kernel) / stride) + 1;
      const convolution = { groups: 1, stride, padding: { top: pad, bottom: pad, left: pad, right: pad } };
      const compute = (x: tf.Tensor4D, weights: tf.Tensor4D, dy: tf.Tensor4D) => [
        conv2d(x, weights, convolution),
        conv2dInputGradient(dy, weights, x.shape, convolution),
        conv2dKernelGradient(x, dy, weights.shape, convolution),
      ];
      const tensors = [
        values([8, size, size, inputs], 1),
        values([kernel, kernel, inputs, filters], 2),
        values([8, out, out, filters], 3),
      ].map(({ shape: each, data }) => roundTensor(tf.tensor4d(data, each as Shape4D), format)) as Three;
      const wide = tensors.map((tensor) => tf.cast(tensor, 'float32')) as Three;
      const expected = compute(...wide).map(read);
      const first = compute(...tensors).map(read);
      for (const [index, actual] of first.entries()) expectRounded(actual, expected[index] as Values, unit);
      for (let again = 0; again < 5; again++) {
        const other = compute(...tensors).map(read);
        expect(other.map(({ shape: each }) => each)).toEqual(first.map(({ shape: each }) => each));
        // Compared as bytes: matchers check every number separately, which takes minutes here.
        for (const [index, { data }] of other.entries()) {
          expect(bytesOf(data).equals(bytesOf(first[index]?.data)), `result ${index}`).toBe(true);
        }
      }
    });
  });
});

type Shape4D = [number, number, number, number];
type Three = [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

function read(tensor: tf.Tensor): Values {
  return { shape: tensor.shape, data: tensor.dataSync<'float32'>() };
}

/** Expects equality up to one final rounding of float32 sums. */
function expectRounded(actual: Values, expected: Values, unit: number): void {
  expect(actual.shape).toEqual(expected.shape);
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const wrong = Array.from(expected.data, (value, index) => ({
    index,
    value,
    is: actual.data[index],
  })).filter(
    ({ value, is = Number.NaN }) => !(Math.abs(is - value) <= unit * Math.abs(value) + 1e-4 * largest),
  );
  expect(wrong).toEqual([]);
}

function bytesOf(data: ArrayLike<number> | undefined): Buffer {
  return Buffer.from(Float32Array.from(data ?? []).buffer);
}
