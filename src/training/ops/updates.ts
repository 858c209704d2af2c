import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';
import type { MomentAttributes } from '../../backends/ownKernels';

/** A parameter with its gradient, in the same shape, and its update settings. */
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
  /** Returns the factor for the gradient plus its weight decay. Defaults to 1. */
  readonly scale?: () => tf.Scalar;
}

/** The inputs of Adam's direction. */
interface AdamStep extends Omit<Update, 'learningRate'>, MomentAttributes {
  /** Null at the first step, like `square`. */
  readonly mean: tf.Tensor | null;
  readonly square: tf.Tensor | null;
}

export interface AdamUpdate extends Update, AdamStep {
  /** Whether weight decay is subtracted from the weight instead of added to the gradient. */
  readonly isDecoupled: boolean;
}

/**
 * Applies SGD with momentum like ../optimizers/sgd.ts or ../optimizers/lars.ts, in few passes over the parameter.
 * Returns null without momentum, or on an engine without a kernel for it. The caller must not read the inputs again,
 * because an engine may overwrite them.
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
    const [moved, movedVelocity] = runOwnKernel('MomentumUpdate', inputs, attributes);
    return { weight: moved, velocity: movedVelocity };
  });
}

/** Applies Adam like ../optimizers/adam.ts. The conditions of `momentumUpdate` apply. */
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
 * Returns the direction of ../optimizers/lamb.ts, m̂ / (√v̂ + e) + d w, and the moments behind it. The conditions of
 * `momentumUpdate` apply, except that the caller may read the weight again.
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

/** Returns the moments before a step, which are 0 at the first. */
function momentsOf(weight: tf.Tensor, mean: tf.Tensor | null, square: tf.Tensor | null) {
  return { mean: mean ?? tf.zerosLike(weight), square: square ?? tf.zerosLike(weight) };
}

/** Returns the weight minus `rate` times the direction. The caller must not read either again. */
export function descend(weight: tf.Tensor, direction: tf.Tensor, rate: tf.Scalar): tf.Tensor {
  if (hasKernel('Descend')) return runOwnKernel('Descend', { weight, direction, rate }, {});
  return tf.tidy(() => tf.sub(weight, tf.mul(direction, rate)));
}
