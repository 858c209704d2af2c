import type { BatchEffect } from './effect';

/**
 * Weights a batch's targets by class, in place. Their mean cross entropy then equals PyTorch's weighted
 * CrossEntropyLoss(weight, reduction='mean'): the sum over images i and classes c of -target_ic w_c log p_ic, divided
 * by a divisor. The divisor is the batch size if targets are mixed. Otherwise it is the sum of the weights of the
 * images' classes, also with label smoothing (aten/src/ATen/native/LossNLL.cpp: cross_entropy_loss_prob_target divides
 * by the batch, cross_entropy_loss_label_smoothing by the weights). The divisor covers the whole batch, no matter how
 * it is sharded later.
 *
 * @param targets [batch, classes]; without mixing, an image's largest target is its label's
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
  // Classes without a weight have no training images, unless the files have changed since they were counted.
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

/** Weights the loss by class. Must come after the effects that make the targets. */
export const classWeights: BatchEffect = {
  phase: 'batch',
  of: ({ loss: { classWeights: weights }, data: { mixing } }) =>
    weights && (({ targets }) => weigh(targets, weights, { isMixed: mixing !== null })),
};
