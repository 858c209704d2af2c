import type { BatchEffect } from './effect';

/**
 * Spreads the fraction `epsilon` of each target evenly over all classes, including the correct one (Szegedy et al.
 * 2016, section 7, as in PyTorch). In place.
 *
 * @param targets [batch, classes]
 */
export function smooth(targets: Float32Array, classes: number, epsilon: number): void {
  for (const [index, target] of targets.entries())
    targets[index] = (1 - epsilon) * target + epsilon / classes;
}

export const labelSmoothing: BatchEffect = {
  phase: 'batch',
  of: ({ loss: { labelSmoothing: epsilon } }) =>
    epsilon === 0 ? null : ({ size, targets }) => smooth(targets, targets.length / size, epsilon),
};
