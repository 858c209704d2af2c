import * as tf from '@tensorflow/tfjs-core';
import { relu, reluGradient } from './relu';

/** Where a ReLU6 ends (Howard et al. 2017's code): a number that 8 bits hold well. */
const MOST = 6;

/** min(max(x, 0), 6). */
export function relu6<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => tf.minimum<T>(relu(x), MOST));
}

/** The gradient of a ReLU6's input, from the gradient and the value of its output. At 0 and at 6 it is 0. */
export function relu6Gradient<T extends tf.Tensor>(dy: T, y: T): T {
  return tf.tidy(() => reluGradient(tf.mul<T>(dy, tf.step(tf.sub(MOST, y))), y));
}
