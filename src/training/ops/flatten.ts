import * as tf from '@tensorflow/tfjs-core';

/** Flattens [batch, ...] to [batch, features]. The gradient of the input is that of the output in the input's shape. */
export function flatten(x: tf.Tensor): tf.Tensor2D {
  const [batch = 0] = x.shape;
  return tf.reshape(x, [batch, x.size / batch]);
}
