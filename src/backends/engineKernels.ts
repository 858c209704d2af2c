import * as tf from '@tensorflow/tfjs-core';

/**
 * Whether the engine in use has a kernel: by its own name or by TensorFlow.js', which has kernels that only some of its
 * backends do. An op asks before it takes another way.
 */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}
