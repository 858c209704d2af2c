import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import { adamUpdate } from '../ops/updates';
import type { ParameterStep, Slots, UpdateRule } from './rule';
import { withDecay } from './tensors';

type Moments = 'mean' | 'square';
type AdamRecipe = Extract<OptimizerRecipe, { name: 'adam' | 'adamw' | 'lamb' }>;

/**
 * Adam (Kingma and Ba 2015), in PyTorch's form: with rate r and decay d, a parameter w of gradient g moves by
 *
 *     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w = w - r m̂ / (√v̂ + e)
 *
 * where m̂ = m / (1 - b1^t) and v̂ = v / (1 - b2^t). `adam` adds d w to g; `adamw` (Loshchilov and Hutter 2019)
 * takes r d w off the weight instead.
 */
export function adam(recipe: AdamRecipe): UpdateRule<Moments> {
  const isDecoupled = recipe.name === 'adamw';
  return {
    slots: ['mean', 'square'],
    update(step, before) {
      const { weight, gradient, weightDecay, learningRate } = step;
      const carried = { mean: before?.mean ?? null, square: before?.square ?? null };
      const fused = adamUpdate({ ...step, ...carried, ...recipe, isDecoupled });
      if (fused) return { weight: fused.weight, slots: { mean: fused.mean, square: fused.square } };
      const seen = isDecoupled ? gradient : withDecay(gradient, weight, weightDecay);
      const slots = momentsAfter(recipe, seen, before);
      const kept = isDecoupled ? tf.mul(weight, 1 - learningRate * weightDecay) : weight;
      const direction = adamDirection(recipe, slots, step);
      return { weight: tf.sub(kept, tf.mul(direction, learningRate)), slots };
    },
  };
}

/** The moving means of the gradient and its square after another gradient. */
export function momentsAfter(
  { beta1, beta2 }: AdamRecipe,
  gradient: tf.Tensor,
  before: Slots<Moments> | null,
): Slots<Moments> {
  const mean = tf.mul(gradient, 1 - beta1);
  const square = tf.mul(tf.square(gradient), 1 - beta2);
  if (!before) return { mean, square };
  return {
    mean: tf.add(tf.mul(before.mean, beta1), mean),
    square: tf.add(tf.mul(before.square, beta2), square),
  };
}

/** m̂ / (√v̂ + e), the moments corrected for having started at 0. */
export function adamDirection(
  { beta1, beta2, epsilon }: AdamRecipe,
  { mean, square }: Slots<Moments>,
  { count }: Pick<ParameterStep, 'count'>,
): tf.Tensor {
  const root = tf.sqrt(tf.div(square, 1 - beta2 ** count));
  return tf.div(tf.div(mean, 1 - beta1 ** count), tf.add(root, epsilon));
}
