import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import { momentumUpdate } from '../ops/updates';
import type { UpdateRule } from './rule';
import { withDecay } from './tensors';

/**
 * Stochastic gradient descent with momentum, in PyTorch's form (torch.optim.SGD). With weight decay d, momentum m and
 * learning rate r, a parameter w with gradient g is updated as
 *
 *     g' = g + d w;  v = m v + g';  w = w - r (g' + m v) with Nesterov, w - r v without
 *
 * with v starting as the first g'. The learning rate multiplies the velocity, so a new learning rate takes effect
 * immediately.
 */
export function sgd({
  momentum,
  nesterov,
}: Extract<OptimizerRecipe, { name: 'sgd' }>): UpdateRule<'velocity', 'learningRate'> {
  return {
    slots: ['velocity'],
    quantitiesAt: ({ learningRate }) => ({ learningRate }),
    move({ weight, gradient, weightDecay }, { learningRate }, before) {
      const decayed = withDecay(gradient, weight, weightDecay);
      const velocity = before ? tf.add(tf.mul(before.velocity, momentum), decayed) : decayed;
      const direction = nesterov ? tf.add(decayed, tf.mul(velocity, momentum)) : velocity;
      return { weight: tf.sub(weight, tf.mul(direction, learningRate)), slots: { velocity } };
    },
    moveFused(step, before) {
      const velocity = before?.velocity ?? null;
      const fused = momentumUpdate({ ...step, velocity, momentum, nesterov });
      return fused && { weight: fused.weight, slots: { velocity: fused.velocity } };
    },
  };
}
