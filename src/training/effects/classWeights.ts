import type { BatchEffect } from './effect';

/**
 * Weighs a batch's targets by class, in place, so that their mean cross entropy is PyTorch's weighted
 * CrossEntropyLoss(weight, reduction='mean'): the sum over images i and classes c of -target_ic w_c log p_ic, divided by
 * the batch's size where targets are mixed, and otherwise by the sum of the weights of the images' classes, smoothed
 * labels included (aten/src/ATen/native/LossNLL.cpp: cross_entropy_loss_prob_target divides by the batch,
 * cross_entropy_loss_label_smoothing by the weights). The divisor is the whole batch's, however it is sharded later.
 *
 * @param targets [batch, classes]; of an image whose label counts alone, the label's is the largest
 * @param isMixed whether an image may have several labels
 */
export function weigh(
  targets: Float32Array,
  weights: readonly number[],
  { isMixed }: { readonly isMixed: boolean },
): void {
  const classes = weights.length;
  const batch = targets.length / classes;
  let divisor = 0;
  for (let image = 0; image < batch; image++) {
    divisor += isMixed ? 1 : weights[labelOf(targets.subarray(image * classes, (image + 1) * classes))]!;
  }
  // Classes without a weight have no images to train on, unless the files have changed since they were counted.
  const factor = divisor === 0 ? 0 : batch / divisor;
  for (let index = 0; index < targets.length; index++) {
    targets[index] = targets[index]! * weights[index % classes]! * factor;
  }
}

function labelOf(target: Float32Array): number {
  let label = 0;
  for (let index = 1; index < target.length; index++) if (target[index]! > target[label]!) label = index;
  return label;
}

/** Weighs the loss by class. Registers after what makes the targets. */
export const classWeights: BatchEffect = {
  phase: 'batch',
  of: ({ loss: { classWeights: weights }, data: { mixing } }) =>
    weights && (({ targets }) => weigh(targets, weights, { isMixed: mixing !== null })),
};
