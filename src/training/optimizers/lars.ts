import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import type { Moved, ParameterStep, Slots, TensorStep, UpdateRule } from './rule';
import { normOf, trustRatio, withDecay } from './tensors';

/**
 * LARS (You et al. 2017, algorithm 1): SGD with momentum m whose every layer has a rate of its own. With trust
 * coefficient c, weight decay d and rate r, a kernel w of gradient g moves by
 *
 *     trust = c ‖w‖ / (‖g‖ + d ‖w‖);  v = m v + trust (g + d w);  w = w - r v
 *
 * The trust ratio is 1 for biases, gammas and betas, as in its authors' code, and where a norm is 0. The rate
 * multiplies the velocity, as in our SGD and timm.
 */
export function lars({
  momentum,
  trustCoefficient,
}: Extract<OptimizerRecipe, { name: 'lars' }>): UpdateRule<'velocity'> {
  return { slots: ['velocity'], update: moved, updateTensors: moved };

  function moved(
    { weight, gradient, weightDecay, isKernel, learningRate }: ParameterStep | TensorStep,
    before: Slots<'velocity'> | null,
  ): Moved<'velocity'> {
    const decayed = withDecay(gradient, weight, weightDecay);
    const scaled = isKernel ? tf.mul(decayed, trust(weight, gradient, weightDecay)) : decayed;
    const velocity = before ? tf.add(tf.mul(before.velocity, momentum), scaled) : scaled;
    return { weight: tf.sub(weight, tf.mul(velocity, learningRate)), slots: { velocity } };
  }

  function trust(weight: tf.Tensor, gradient: tf.Tensor, weightDecay: number): tf.Tensor {
    const norm = normOf(weight);
    const gradientNorm = normOf(gradient);
    const usable = tf.logicalAnd(tf.greater(norm, 0), tf.greater(gradientNorm, 0));
    const ratio = trustRatio(tf.mul(norm, trustCoefficient), tf.add(gradientNorm, tf.mul(norm, weightDecay)));
    return tf.where(usable, ratio, tf.onesLike(ratio));
  }
}
