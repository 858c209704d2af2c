import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';
import type { MomentAttributes } from '../../backends/ownKernels';

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
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Gives what the gradient with its decay is multiplied by; by default 1. */
  readonly scale?: () => tf.Scalar;
}

/** What Adam's direction follows from. */
interface AdamStep extends Omit<Update, 'learningRate'>, MomentAttributes {
  /** Null at the first step, as is `square`. */
  readonly mean: tf.Tensor | null;
  readonly square: tf.Tensor | null;
}

export interface AdamUpdate extends Update, AdamStep {
  /** Whether weight decay is taken off the weight, and not added to the gradient. */
  readonly isDecoupled: boolean;
}

/**
 * SGD with momentum as ../optimizers/sgd.ts has it, or ../optimizers/lars.ts, in few passes over the parameter; null
 * without momentum, and on an engine without a kernel for it. What is given is not to be read again: an engine may
 * compute in its place.
 */
export function momentumUpdate({
  weight,
  gradient,
  velocity,
  scale,
  ...attributes
}: MomentumUpdate): { weight: tf.Tensor; velocity: tf.Tensor } | null {
  if (attributes.momentum === 0 || !hasKernel('MomentumUpdate')) return null;
  return tf.tidy(() => {
    const inputs = {
      weight,
      gradient,
      velocity: velocity ?? tf.zerosLike(weight),
      ...(scale && { scale: scale() }),
    };
    const [moved, carried] = runOwnKernel('MomentumUpdate', inputs, attributes);
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
    const inputs = { weight, gradient, ...momentsOf(weight, mean, square) };
    const outputs = runOwnKernel('AdamUpdate', inputs, attributes);
    return { weight: outputs[0], mean: outputs[1], square: outputs[2] };
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
}: AdamStep): { direction: tf.Tensor; mean: tf.Tensor; square: tf.Tensor } | null {
  if (!hasKernel('LambDirection')) return null;
  return tf.tidy(() => {
    const inputs = { weight, gradient, ...momentsOf(weight, mean, square) };
    const outputs = runOwnKernel('LambDirection', inputs, attributes);
    return { direction: outputs[0], mean: outputs[1], square: outputs[2] };
  });
}

/** The moments before a step, which are 0 at the first. */
function momentsOf(weight: tf.Tensor, mean: tf.Tensor | null, square: tf.Tensor | null) {
  return { mean: mean ?? tf.zerosLike(weight), square: square ?? tf.zerosLike(weight) };
}

/** The weight less `rate` times the direction, neither of which is to be read again. */
export function descend(weight: tf.Tensor, direction: tf.Tensor, rate: tf.Scalar): tf.Tensor {
  if (hasKernel('Descend')) return runOwnKernel('Descend', { weight, direction, rate }, {});
  return tf.tidy(() => tf.sub(weight, tf.mul(direction, rate)));
}
