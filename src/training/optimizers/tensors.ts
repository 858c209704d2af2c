import * as tf from '@tensorflow/tfjs-core';

/** g + d w, the gradient of the loss with weight decay in it. */
export function withDecay(gradient: tf.Tensor, weight: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient.clone() : tf.add(gradient, tf.mul(weight, weightDecay));
}

/** The Euclidean norm of all values, a scalar. */
export function normOf(x: tf.Tensor): tf.Scalar {
  // As a product of matrices: a reduction by tf.sum runs several times slower on the wasm engine. That engine keeps
  // what it prepared for a right-hand side by its tensor, and corrupts its memory where that is a filter as well.
  const squares = tf.reshape(tf.square(x), [1, x.size]);
  return tf.reshape(tf.sqrt(tf.matMul(squares, tf.ones([x.size, 1]))), []);
}

/** numerator / denominator, a scalar; 1 where either is 0, as LARS and LAMB take a trust ratio then. */
export function trustRatio(numerator: tf.Tensor, denominator: tf.Tensor): tf.Tensor {
  const usable = tf.logicalAnd(tf.greater(numerator, 0), tf.greater(denominator, 0));
  const one = tf.onesLike(numerator);
  return tf.where(usable, tf.div(numerator, tf.where(usable, denominator, one)), one);
}
