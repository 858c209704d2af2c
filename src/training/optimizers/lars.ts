import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import { normOf } from '../ops/norm';
import { momentumUpdate } from '../ops/updates';
import type { UpdateRule } from './rule';
import { trustRatio, withDecay } from './tensors';

/**
 * LARS (You et al. 2017, algorithm 1): SGD with momentum m and a separate learning rate per layer. With trust
 * coefficient c, weight decay d and learning rate r, a kernel w with gradient g is updated as
 *
 *     trust = c ‖w‖ / (‖g‖ + d ‖w‖);  v = m v + trust (g + d w);  w = w - r v
 *
 * The trust ratio is 1 for biases, gammas and betas, as in the authors' code, and if a norm is 0. The learning rate
 * multiplies the velocity, as in our SGD and timm.
 */
export function lars({
  momentum,
  trustCoefficient,
}: Extract<OptimizerRecipe, { name: 'lars' }>): UpdateRule<'velocity', 'learningRate'> {
  return {
    slots: ['velocity'],
    quantitiesAt: ({ learningRate }) => ({ learningRate }),
    move({ weight, gradient, weightDecay, isKernel }, { learningRate }, before) {
      const decayed = withDecay(gradient, weight, weightDecay);
      const scaled = isKernel ? tf.mul(decayed, trust(weight, gradient, weightDecay)) : decayed;
      const velocity = before ? tf.add(tf.mul(before.velocity, momentum), scaled) : scaled;
      return { weight: tf.sub(weight, tf.mul(velocity, learningRate)), slots: { velocity } };
    },
    moveFused(step, before) {
      const { weight, gradient, weightDecay, isKernel } = step;
      const velocity = before?.velocity ?? null;
      const scale = isKernel && { scale: () => trust(weight, gradient, weightDecay) };
      const fused = momentumUpdate({ ...step, velocity, momentum, nesterov: false, ...scale });
      return fused && { weight: fused.weight, slots: { velocity: fused.velocity } };
    },
  };

  function trust(weight: tf.Tensor, gradient: tf.Tensor, weightDecay: number): tf.Scalar {
    const norm = normOf(weight);
    const gradientNorm = normOf(gradient);
    const usable = tf.logicalAnd(tf.greater(norm, 0), tf.greater(gradientNorm, 0));
    const ratio = trustRatio(tf.mul(norm, trustCoefficient), tf.add(gradientNorm, tf.mul(norm, weightDecay)));
    return tf.where(usable, ratio, tf.onesLike(ratio));
  }
}
