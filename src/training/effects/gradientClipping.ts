import * as tf from '@tensorflow/tfjs-core';
import { gradientNorm, mapGradients } from '../network/gradients';
import type { Gradients } from '../network/network';
import type { GradientEffect } from './effect';

/** Added to a norm before dividing by it, as in torch.nn.utils.clip_grad_norm_. */
const NORM_EPSILON = 1e-6;

/** Returns gradients with a global norm of at most `maxNorm` (Pascanu et al. 2013). Disposes the given ones. */
export function clipGradients(gradients: Gradients, maxNorm: number): Gradients {
  const factor = tf.tidy(() => tf.minimum(tf.div(maxNorm, tf.add(gradientNorm(gradients), NORM_EPSILON)), 1));
  const clipped = mapGradients(gradients, (gradient) => tf.mul(gradient, factor));
  factor.dispose();
  return clipped;
}

export const gradientClipping: GradientEffect = {
  phase: 'gradients',
  of: ({ gradients: { maxNorm } }) =>
    maxNorm === null ? null : ({ gradients }) => clipGradients(gradients, maxNorm),
};
