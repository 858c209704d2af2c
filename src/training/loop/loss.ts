import type * as tf from '@tensorflow/tfjs-core';

/** A batch's mean loss, a scalar, and its gradient with respect to the logits [batch, classes]. */
export interface Loss {
  readonly loss: tf.Scalar;
  readonly dLogits: tf.Tensor2D;
}
