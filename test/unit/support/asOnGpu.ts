import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import type { TensorflowBackend } from '../../../src/backends/tensorflow/backend';

/**
 * Makes the tests of this block compute on `tensorflow` as it does on a GPU: with TensorFlow's plain ops one by one,
 * without oneDNN's ops, without matrix products instead of convolutions, and without a graph. The CPU has these ops as
 * well.
 */
export function computeAsOnGpu(): void {
  let backend: { isOnGpu: boolean };
  beforeAll(async () => {
    await loadEngine('tensorflow');
    backend = tf.backend() as TensorflowBackend;
    backend.isOnGpu = true;
  });
  afterAll(() => {
    backend.isOnGpu = false;
  });
}
