import * as tf from '@tensorflow/tfjs-core';
import type { DistillationRecipe } from '../../recipe/recipe';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';

/** A batch's mean loss, a scalar, and its gradient with respect to the logits [batch, classes]. */
export interface Loss {
  readonly loss: tf.Scalar;
  readonly dLogits: tf.Tensor2D;
}

/** A teacher's logits [batch, classes] for the same images, and how they are learned from. */
export interface Teaching extends Pick<DistillationRecipe, 'temperature' | 'weight'> {
  readonly teacherLogits: tf.Tensor2D;
}

/**
 * The cross entropy under the targets and, with a teacher, beside it `weight` T² times that of
 * softmax(logits / T) under softmax(teacherLogits / T) (He et al. 2018, section 5.3).
 */
export function trainingLoss(logits: tf.Tensor2D, targets: tf.Tensor2D, teaching: Teaching | null): Loss {
  const labels = softmaxCrossEntropy(logits, targets);
  if (!teaching) return labels;
  return tf.tidy(() => {
    const { teacherLogits, temperature, weight } = teaching;
    const softened = tf.softmax(tf.div<tf.Tensor2D>(teacherLogits, temperature));
    const student = softmaxCrossEntropy(tf.div(logits, temperature), softened);
    // The logits' gradient is that of logits / T over T.
    const sum = {
      loss: tf.add<tf.Scalar>(labels.loss, tf.mul(student.loss, weight * temperature ** 2)),
      dLogits: tf.add<tf.Tensor2D>(labels.dLogits, tf.mul(student.dLogits, weight * temperature)),
    };
    tf.dispose([labels.loss, labels.dLogits]);
    return sum;
  });
}
