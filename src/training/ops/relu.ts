import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';

/** Computes max(x, 0). */
export function relu<T extends tf.Tensor>(x: T): T {
  return tf.relu(x);
}

/** Returns the gradient of a ReLU's input, given the gradient and the value of its output. At 0 it is 0. */
export function reluGradient<T extends tf.Tensor>(dy: T, y: T): T {
  if (hasKernel('ReluGradient')) return runOwnKernel('ReluGradient', { dy, y }, {}) as T;
  return tf.tidy(() => tf.mul<T>(dy, tf.step(y)));
}
