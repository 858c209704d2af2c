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
}

export interface AdamUpdate extends Update {
  /** Null at the first step, as is `square`. */
  readonly mean: tf.Tensor | null;
  readonly square: tf.Tensor | null;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Steps taken, this one included: 1, 2, ... */
  readonly count: number;
  /** Whether weight decay is taken off the weight, and not added to the gradient. */
  readonly isDecoupled: boolean;
}

/**
 * SGD with momentum as ../optimizers/sgd.ts has it, in few passes over the parameter; null on an engine without a
 * kernel for it. What is given is not to be read again: an engine may compute in its place.
 */
export function momentumUpdate({
  weight,
  gradient,
  velocity,
  ...attributes
}: MomentumUpdate): { weight: tf.Tensor; velocity: tf.Tensor } | null {
  if (!hasKernel('MomentumUpdate')) return null;
  return tf.tidy(() => {
    const inputs = { weight, gradient, velocity: velocity ?? tf.zerosLike(weight) };
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
