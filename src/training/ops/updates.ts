import * as tf from '@tensorflow/tfjs-core';
import { hasKernel } from './engineKernels';

/** A parameter with its gradient, in one shape, and how it is moved. */
interface Update {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly weightDecay: number;
  readonly learningRate: number;
}

export interface MomentumUpdate extends Update {
  /** Null at the first step. */
  readonly velocity: tf.Tensor | null;
  /** Above 0. */
  readonly momentum: number;
  readonly nesterov: boolean;
  /** What the gradient with its decay is multiplied by; by default 1. */
  readonly scale?: tf.Scalar | null;
}

/** What Adam's direction follows from. */
export interface AdamMoments {
  /** Null at the first step, as is `square`. */
  readonly mean: tf.Tensor | null;
  readonly square: tf.Tensor | null;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Steps taken, this one included: 1, 2, ... */
  readonly count: number;
}

export interface AdamUpdate extends Update, AdamMoments {
  /** Whether weight decay is taken off the weight, and not added to the gradient. */
  readonly isDecoupled: boolean;
}

/**
 * SGD with momentum as ../optimizers/sgd.ts has it, or ../optimizers/lars.ts, in few passes over the parameter; null on an engine without a
 * kernel for it. What is given is not to be read again: an engine may compute in its place.
 */
export function momentumUpdate({
  weight,
  gradient,
  velocity,
  scale,
  ...attributes
}: MomentumUpdate): { weight: tf.Tensor; velocity: tf.Tensor } | null {
  if (!hasKernel('MomentumUpdate')) return null;
  return tf.tidy(() => {
    const inputs = {
      weight,
      gradient,
      velocity: velocity ?? tf.zerosLike(weight),
      ...(scale && { scale }),
    };
    const outputs = tf.engine().runKernel<tf.Tensor[]>('MomentumUpdate', inputs, { ...attributes });
    const [moved, carried] = outputs as [tf.Tensor, tf.Tensor];
    return { weight: moved, velocity: carried };
  });
}

/** Adam as ../optimizers/adam.ts has it, under the terms of `momentumUpdate`. */
export function adamUpdate({
  weight,
  gradient,
  mean,
  square,
  ...attributes
}: AdamUpdate): { weight: tf.Tensor; mean: tf.Tensor; square: tf.Tensor } | null {
  if (!hasKernel('AdamUpdate')) return null;
  return tf.tidy(() => {
    const moments = { mean: mean ?? tf.zerosLike(weight), square: square ?? tf.zerosLike(weight) };
    const inputs = { weight, gradient, ...moments };
    const outputs = tf.engine().runKernel<tf.Tensor[]>('AdamUpdate', inputs, { ...attributes });
    const [moved, first, second] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { weight: moved, mean: first, square: second };
  });
}

/**
 * The direction of ../optimizers/lamb.ts, m̂ / (√v̂ + e) + d w, and the moments that it follows from, under the terms of
 * `momentumUpdate`; but the weight may be read again.
 */
export function lambDirection({
  weight,
  gradient,
  mean,
  square,
  ...attributes
}: Omit<Update, 'learningRate'> & AdamMoments): {
  direction: tf.Tensor;
  mean: tf.Tensor;
  square: tf.Tensor;
} | null {
  if (!hasKernel('LambDirection')) return null;
  return tf.tidy(() => {
    const moments = { mean: mean ?? tf.zerosLike(weight), square: square ?? tf.zerosLike(weight) };
    const inputs = { weight, gradient, ...moments };
    const outputs = tf.engine().runKernel<tf.Tensor[]>('LambDirection', inputs, { ...attributes });
    const [direction, first, second] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { direction, mean: first, square: second };
  });
}

/** The weight less `rate` times the direction, neither of which is to be read again. */
export function descend(weight: tf.Tensor, direction: tf.Tensor, rate: tf.Scalar): tf.Tensor {
  if (hasKernel('Descend')) return tf.engine().runKernel('Descend', { weight, direction, rate });
  return tf.tidy(() => tf.sub(weight, tf.mul(direction, rate)));
}
