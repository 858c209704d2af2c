import * as tf from '@tensorflow/tfjs-core';
import { relu, reluGradient } from './relu';

/** The upper bound of ReLU6 (the code of Howard et al. 2017), which suits 8-bit formats. */
const MOST = 6;

/** Computes min(max(x, 0), 6). */
export function relu6<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => tf.minimum<T>(relu(x), MOST));
}

/** Returns the gradient of a ReLU6's input, given the gradient and the value of its output. At 0 and at 6 it is 0. */
export function relu6Gradient<T extends tf.Tensor>(dy: T, y: T): T {
  return tf.tidy(() => reluGradient(tf.mul<T>(dy, tf.step(tf.sub(MOST, y))), y));
}
