import * as tf from '@tensorflow/tfjs-core';

/** Computes g + d w, the gradient including weight decay. */
export function withDecay(gradient: tf.Tensor, weight: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient.clone() : tf.add(gradient, tf.mul(weight, weightDecay));
}

/** Computes numerator / denominator, a scalar. 1 if either is 0, the trust ratio of LARS and LAMB in that case. */
export function trustRatio(numerator: tf.Scalar, denominator: tf.Scalar): tf.Scalar {
  const usable = tf.logicalAnd(tf.greater(numerator, 0), tf.greater(denominator, 0));
  const one = tf.onesLike(numerator);
  return tf.where(usable, tf.div(numerator, tf.where(usable, denominator, one)), one);
}
