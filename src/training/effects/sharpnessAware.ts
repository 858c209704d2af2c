import * as tf from '@tensorflow/tfjs-core';
import { disposeGradients, gradientNorm } from '../network/gradients';
import type { Gradients } from '../network/network';
import type { GradientEffect, GradientStep } from './effect';

/**
 * Computes the gradients after a step of length `rho` along the given ones, which it disposes (Foret et al. 2021,
 * algorithm 1). Restores the weights and running statistics.
 */
async function uphill({ network, gradients, passAgain }: GradientStep, rho: number): Promise<Gradients> {
  const own = new Map(
    [...gradients.keys()].map((name) => [name, tf.clone(network.parameters.get(name) as tf.Tensor)]),
  );
  const held = network.holdBuffers();
  const factor = tf.tidy(() => tf.div(rho, tf.add(gradientNorm(gradients), 1e-12)));
  for (const [name, weight] of own) {
    const gradient = gradients.get(name) as tf.Tensor;
    network.assign(
      name,
      tf.tidy(() => tf.add(weight, tf.mul(gradient, factor))),
    );
  }
  tf.dispose(factor);
  disposeGradients(gradients);
  const there = await passAgain();
  for (const [name, weight] of own) network.assign(name, weight);
  held.restore();
  return there;
}

export const sharpnessAware: GradientEffect = {
  phase: 'gradients',
  of: ({ gradients: { sharpnessRadius } }) =>
    sharpnessRadius === null ? null : (step) => uphill(step, sharpnessRadius),
};
