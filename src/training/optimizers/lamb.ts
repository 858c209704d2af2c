import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import { adamDirection, momentsAfter } from './adam';
import type { UpdateRule } from './rule';
import { normOf, trustRatio } from './tensors';

/**
 * LAMB (You et al. 2020, algorithm 2): Adam's direction with a trust ratio for each layer. With weight decay d
 * and rate r, a kernel w moves by
 *
 *     u = m̂ / (√v̂ + e) + d w;  w = w - r ‖w‖ / ‖u‖ u
 *
 * The trust ratio is 1 for biases, gammas and betas, as in its authors' code, and where a norm is 0.
 */
export function lamb(
  recipe: Extract<OptimizerRecipe, { name: 'adam' | 'adamw' | 'lamb' }>,
): UpdateRule<'mean' | 'square'> {
  return {
    slots: ['mean', 'square'],
    update(step, before) {
      const { weight, gradient, weightDecay, isKernel, learningRate } = step;
      const slots = momentsAfter(recipe, gradient, before);
      const direction = tf.add(adamDirection(recipe, slots, step), tf.mul(weight, weightDecay));
      const scaled = isKernel ? tf.mul(direction, trustRatio(normOf(weight), normOf(direction))) : direction;
      return { weight: tf.sub(weight, tf.mul(scaled, learningRate)), slots };
    },
  };
}
