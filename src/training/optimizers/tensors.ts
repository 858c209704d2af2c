import * as tf from '@tensorflow/tfjs-core';

/** g + d w, the gradient of the loss with weight decay in it. */
export function withDecay(gradient: tf.Tensor, weight: tf.Tensor, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient.clone() : tf.add(gradient, tf.mul(weight, weightDecay));
}

/** numerator / denominator, a scalar; 1 where either is 0, as LARS and LAMB take a trust ratio then. */
export function trustRatio(numerator: tf.Scalar, denominator: tf.Scalar): tf.Scalar {
  const usable = tf.logicalAnd(tf.greater(numerator, 0), tf.greater(denominator, 0));
  const one = tf.onesLike(numerator);
  return tf.where(usable, tf.div(numerator, tf.where(usable, denominator, one)), one);
}
