import * as tf from '@tensorflow/tfjs-core';
import type { DistillationRecipe } from '../../recipe/recipe';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';
import type { LossEffect, LossFunction } from './effect';

/** Adds `weight` T² times the cross entropy of softmax(logits / T) against softmax(teacherLogits / T) to a loss. */
export function distilled(
  loss: LossFunction,
  { temperature, weight }: Pick<DistillationRecipe, 'temperature' | 'weight'>,
): LossFunction {
  return (logits, targets, beside) => {
    const labels = loss(logits, targets, beside);
    const { teacherLogits } = beside;
    if (!teacherLogits) throw new Error('A recipe with distillation needs a teacher');
    return tf.tidy(() => {
      const softened = tf.softmax(tf.div<tf.Tensor2D>(teacherLogits, temperature));
      const student = softmaxCrossEntropy(tf.div(logits, temperature), softened);
      // The gradient with respect to the logits is the gradient with respect to logits / T, divided by T.
      const sum = {
        loss: tf.add<tf.Scalar>(labels.loss, tf.mul(student.loss, weight * temperature ** 2)),
        labelsLoss: labels.loss,
        dLogits: tf.add<tf.Tensor2D>(labels.dLogits, tf.mul(student.dLogits, weight * temperature)),
      };
      labels.dLogits.dispose();
      return sum;
    });
  };
}

/** Learns from a teacher in addition to the labels (Hinton et al. 2015; He et al. 2018, section 5.3). */
export const distillation: LossEffect = {
  phase: 'loss',
  of: ({ loss: { distillation: recipe } }) => recipe && ((loss) => distilled(loss, recipe)),
};
