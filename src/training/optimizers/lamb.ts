import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import { normOf } from '../ops/norm';
import { descend, lambDirection } from '../ops/updates';
import { type AdamQuantity, adamDirection, adamQuantities, type Moments, momentsAfter } from './adam';
import type { UpdateRule } from './rule';
import { trustRatio } from './tensors';

/**
 * LAMB (You et al. 2020, algorithm 2): Adam's direction with a trust ratio per layer. With weight decay d and learning
 * rate r, a kernel w is updated as
 *
 *     u = m̂ / (√v̂ + e) + d w;  w = w - r ‖w‖ / ‖u‖ u
 *
 * The trust ratio is 1 for biases, gammas and betas, as in the authors' code, and if a norm is 0.
 */
export function lamb(
  recipe: Extract<OptimizerRecipe, { name: 'adam' | 'adamw' | 'lamb' }>,
): UpdateRule<Moments, AdamQuantity> {
  return {
    slots: ['mean', 'square'],
    quantitiesAt: (time) => adamQuantities(recipe, time),
    move({ weight, gradient, weightDecay, isKernel }, quantities, before) {
      const slots = momentsAfter(recipe, gradient, before);
      const direction = tf.add(adamDirection(recipe, slots, quantities), tf.mul(weight, weightDecay));
      const scaled = isKernel ? tf.mul(direction, trustRatio(normOf(weight), normOf(direction))) : direction;
      return { weight: tf.sub(weight, tf.mul(scaled, quantities.learningRate)), slots };
    },
    moveFused({ learningRate, isKernel, ...step }, before) {
      const moments = { mean: before?.mean ?? null, square: before?.square ?? null };
      const fused = lambDirection({ ...step, ...moments, ...recipe });
      if (!fused) return null;
      const { direction, mean, square } = fused;
      const { weight } = step;
      const rate = isKernel
        ? tf.mul<tf.Scalar>(trustRatio(normOf(weight), normOf(direction)), learningRate)
        : tf.scalar(learningRate);
      return { weight: descend(weight, direction, rate), slots: { mean, square } };
    },
  };
}
