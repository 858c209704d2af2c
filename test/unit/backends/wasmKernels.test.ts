import type * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { batchNormGradients, batchNormTraining } from '../../../src/training/ops/batchNorm';
import {
  type Convolution,
  conv2d,
  conv2dInputGradient,
  conv2dKernelGradient,
} from '../../../src/training/ops/convolution/conv2d';
import { pool, poolGradient } from '../../../src/training/ops/pool';
import { expectClose, on, type Values, values } from '../support/numbers';

const extent = fc.integer({ min: 1, max: 9 });
const eights = fc.integer({ min: 1, max: 3 }).map((count) => 8 * count);
const sides = fc.integer({ min: 0, max: 2 });

/** Computes on wasm and on cpu, which have different kernels. */
async function compare(
  inputs: readonly Values[],
  // biome-ignore lint/suspicious/noExplicitAny: each op takes tensors of its own ranks
  compute: (...tensors: any[]) => readonly tf.Tensor[],
): Promise<void> {
  const expected = await on('cpu', inputs, compute);
  const actual = await on('wasm', inputs, compute);
  for (const [index, each] of expected.entries()) expectClose(actual[index] as Values, each, 5e-5);
}

describe('the kernels of wasm agree with those of cpu', () => {
  test('in convolutions of any size, stride and padding, with channels in multiples of eight', async () => {
    const kernels = fc.constantFrom([1, 1], [3, 3], [3, 3], [2, 3], [1, 5]);
    const paddings = fc.record({ top: sides, bottom: sides, left: sides, right: sides });
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.integer({ min: 1, max: 3 }), extent, extent, eights),
        ...([kernels, eights, fc.integer({ min: 1, max: 3 }), paddings] as const),
        async (input, [height = 1, width = 1], filters, stride, padding) => {
          const outputs = (size: number, around: number, kernel: number) =>
            Math.floor((size + around - kernel) / stride) + 1;
          const outHeight = outputs(input[1], padding.top + padding.bottom, height);
          const outWidth = outputs(input[2], padding.left + padding.right, width);
          fc.pre(outHeight > 0 && outWidth > 0);
          const convolution: Convolution = { groups: 1, stride, padding };
          const x = values(input, 1);
          const kernel = values([height, width, input[3], filters], 2);
          const dy = values([input[0], outHeight, outWidth, filters], 3);
          await compare([x, kernel, dy], (image, weights, upstream) => [
            conv2d(image, weights, convolution),
            conv2dInputGradient(upstream, weights, image.shape, convolution),
            conv2dKernelGradient(image, upstream, weights.shape, convolution),
          ]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('in batch norms and the ReLU after them, with channels in multiples of four', async () => {
    await fc.assert(
      fc.asyncProperty(
        ...([fc.integer({ min: 1, max: 5 }), extent, extent, fc.integer({ min: 1, max: 6 })] as const),
        fc.constantFrom('linear', 'relu'),
        async (batch, height, width, fours, activation) => {
          // The standard deviation of one value is 0, and its inverse magnifies rounding errors.
          fc.pre(batch * height * width > 2);
          const shape = [batch, height, width, 4 * fours];
          const [x, dy] = [values(shape, 1), values(shape, 2)];
          const [gamma, beta] = [values([4 * fours], 3), values([4 * fours], 4)];
          await compare([x, dy, gamma, beta], (image, upstream, scale, shift) => {
            const norm = { gamma: scale, beta: shift, epsilon: 1e-3 };
            const before = { mean: shift, variance: scale };
            const { y, statistics, running } = batchNormTraining(image, norm, activation, before, 0.1);
            const kept = activation === 'relu' ? y : null;
            const { dx, dGamma, dBeta } = batchNormGradients(upstream, image, kept, statistics, norm);
            return [y, ...Object.values(statistics), ...Object.values(running), dx, dGamma, dBeta];
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  test('in pools and their gradients', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.integer({ min: 1, max: 2 }), extent, extent, fc.integer({ min: 1, max: 5 })),
        ...([fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 3 })] as const),
        fc.constantFrom('max', 'average'),
        async (input, size, stride, mode) => {
          fc.pre(input[1] >= size && input[2] >= size);
          const padding = { top: 0, bottom: 0, left: 0, right: 0 };
          const window = { mode, size: [size, size], stride, padding, countsPadding: false } as const;
          const outputs = (pixels: number) => Math.floor((pixels - size) / stride) + 1;
          const dy = values([input[0], outputs(input[1]), outputs(input[2]), input[3]], 2);
          await compare([values(input, 1), dy], (image, upstream) => {
            const y = pool(image, window);
            return [y, poolGradient(upstream, image, y, window)];
          });
        },
      ),
      { numRuns: 25 },
    );
  });
});
