import * as tf from '@tensorflow/tfjs-core';

/**
 * Computes the cross entropy of softmax(logits) with soft targets, both [batch, classes]. Returns its mean over the
 * batch, a scalar, and the gradient of that mean with respect to the logits. A row of targets usually sums to 1
 * (one-hot, smoothed, mixed or distilled labels). Another sum scales the row's loss.
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor2D,
  targets: tf.Tensor2D,
): { loss: tf.Scalar; dLogits: tf.Tensor2D } {
  return tf.tidy(() => {
    const [batch] = logits.shape;
    // Subtracting the maximum does not change the result and prevents exp from overflowing.
    const shifted = tf.sub<tf.Tensor2D>(logits, tf.max(logits, 1, true));
    const exponentials = tf.exp(shifted);
    const normalizer = tf.sum(exponentials, 1, true);
    const logProbabilities = tf.sub(shifted, tf.log(normalizer));
    const loss = tf.div<tf.Scalar>(tf.neg(tf.sum(tf.mul(targets, logProbabilities))), batch);
    const expected = tf.mul(tf.div(exponentials, normalizer), tf.sum(targets, 1, true));
    const dLogits = tf.div<tf.Tensor2D>(tf.sub(expected, targets), batch);
    return { loss, dLogits };
  });
}
