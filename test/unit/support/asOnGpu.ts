import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import type { TensorflowBackend } from '../../../src/backends/tensorflow/backend';

/**
 * Lets the tests of this block compute on `tensorflow` as it does on a GPU: by TensorFlow's plain ops, one by one, with
 * none of oneDNN's own, no products in the place of convolutions, and no graph. The processor has these ops as well.
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
