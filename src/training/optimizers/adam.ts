import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerRecipe } from '../../recipe/recipe';
import { adamUpdate } from '../ops/updates';
import type { Quantities, Slots, StepTime, UpdateRule } from './rule';
import { withDecay } from './tensors';

export type Moments = 'mean' | 'square';
export type AdamQuantity = 'learningRate' | 'meanCorrection' | 'squareCorrection';
type AdamRecipe = Extract<OptimizerRecipe, { name: 'adam' | 'adamw' | 'lamb' }>;

/**
 * Adam (Kingma and Ba 2015), in PyTorch's form. With learning rate r and weight decay d, a parameter w with gradient g
 * is updated as
 *
 *     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w = w - r m̂ / (√v̂ + e)
 *
 * with m̂ = m / (1 - b1^t) and v̂ = v / (1 - b2^t). `adam` adds d w to g. `adamw` (Loshchilov and Hutter 2019)
 * subtracts r d w from the weight instead.
 */
export function adam(recipe: AdamRecipe): UpdateRule<Moments, AdamQuantity> {
  const isDecoupled = recipe.name === 'adamw';
  return {
    slots: ['mean', 'square'],
    quantitiesAt: (time) => adamQuantities(recipe, time),
    move({ weight, gradient, weightDecay }, quantities, before) {
      const { learningRate } = quantities;
      const seen = isDecoupled ? gradient : withDecay(gradient, weight, weightDecay);
      const slots = momentsAfter(recipe, seen, before);
      const kept = isDecoupled ? withoutDecay(weight, learningRate, weightDecay) : weight;
      const direction = adamDirection(recipe, slots, quantities);
      return { weight: tf.sub(kept, tf.mul(direction, learningRate)), slots };
    },
    moveFused(step, before) {
      const moments = { mean: before?.mean ?? null, square: before?.square ?? null };
      const fused = adamUpdate({ ...step, ...moments, ...recipe, isDecoupled });
      return fused && { weight: fused.weight, slots: { mean: fused.mean, square: fused.square } };
    },
  };
}

/** Returns 1 - b1^t and 1 - b2^t at step t, and the learning rate. */
export function adamQuantities(
  { beta1, beta2 }: AdamRecipe,
  { learningRate, count }: StepTime,
): Record<AdamQuantity, number> {
  return { learningRate, meanCorrection: 1 - beta1 ** count, squareCorrection: 1 - beta2 ** count };
}

/** Returns the moving averages of the gradient and its square after another gradient. */
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

/** Computes m̂ / (√v̂ + e), with bias-corrected moments. */
export function adamDirection(
  { epsilon }: AdamRecipe,
  { mean, square }: Slots<Moments>,
  { meanCorrection, squareCorrection }: Quantities<AdamQuantity>,
): tf.Tensor {
  const root = tf.sqrt(tf.div(square, squareCorrection));
  return tf.div(tf.div(mean, meanCorrection), tf.add(root, epsilon));
}

/** Computes w - r d w, with learning rate r and weight decay d. */
function withoutDecay(weight: tf.Tensor, learningRate: number | tf.Scalar, weightDecay: number): tf.Tensor {
  if (weightDecay === 0) return weight;
  const decay =
    typeof learningRate === 'number' ? learningRate * weightDecay : tf.mul(learningRate, weightDecay);
  return tf.mul(weight, typeof decay === 'number' ? 1 - decay : tf.sub(1, decay));
}
