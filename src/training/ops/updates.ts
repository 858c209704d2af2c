import * as tf from '@tensorflow/tfjs-core';
import { hasKernel } from '../../backends/engineKernels';

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
interface AdamStep extends Omit<Update, 'learningRate'> {
  /** Null at the first step, as is `square`. */
  readonly mean: tf.Tensor | null;
  readonly square: tf.Tensor | null;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Steps taken, this one included: 1, 2, ... */
  readonly count: number;
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
    const outputs = tf.engine().runKernel<tf.Tensor[]>('MomentumUpdate', inputs, { ...attributes });
    const [moved, carried] = outputs as [tf.Tensor, tf.Tensor];
    return { weight: moved, velocity: carried };
  });
}

/** Adam as ../optimizers/adam.ts has it, under the terms of `momentumUpdate`. */
export function adamUpdate(
  update: AdamUpdate,
): { weight: tf.Tensor; mean: tf.Tensor; square: tf.Tensor } | null {
  const outputs = byMoments('AdamUpdate', update);
  return outputs && { weight: outputs[0], mean: outputs[1], square: outputs[2] };
}

/**
 * The direction of ../optimizers/lamb.ts, m̂ / (√v̂ + e) + d w, and the moments that it follows from, under the terms of
 * `momentumUpdate`; but the weight may be read again.
 */
export function lambDirection(
  step: AdamStep,
): { direction: tf.Tensor; mean: tf.Tensor; square: tf.Tensor } | null {
  const outputs = byMoments('LambDirection', step);
  return outputs && { direction: outputs[0], mean: outputs[1], square: outputs[2] };
}

/** What a kernel makes of a parameter and its moments, and the moments after; null on an engine without it. */
function byMoments(
  kernelName: string,
  { weight, gradient, mean, square, ...attributes }: AdamStep,
): [tf.Tensor, tf.Tensor, tf.Tensor] | null {
  if (!hasKernel(kernelName)) return null;
  return tf.tidy(() => {
    const moments = { mean: mean ?? tf.zerosLike(weight), square: square ?? tf.zerosLike(weight) };
    const inputs = { weight, gradient, ...moments };
    return tf.engine().runKernel<tf.Tensor[]>(kernelName, inputs, { ...attributes }) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
  });
}

/** The weight less `rate` times the direction, neither of which is to be read again. */
export function descend(weight: tf.Tensor, direction: tf.Tensor, rate: tf.Scalar): tf.Tensor {
  if (hasKernel('Descend')) return tf.engine().runKernel('Descend', { weight, direction, rate });
  return tf.tidy(() => tf.sub(weight, tf.mul(direction, rate)));
}
