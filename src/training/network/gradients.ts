import * as tf from '@tensorflow/tfjs-core';
import { normOf } from '../ops/norm';
import type { Gradients } from './network';

/** Applies `change` to each gradient. It must return new tensors. Disposes the old ones. */
export function mapGradients(gradients: Gradients, change: (gradient: tf.Tensor) => tf.Tensor): Gradients {
  const changed = new Map([...gradients].map(([name, gradient]) => [name, tf.tidy(() => change(gradient))]));
  disposeGradients(gradients);
  return changed;
}

/** Adds two sets of gradients and disposes them. */
export function addGradients(some: Gradients, others: Gradients): Gradients {
  const sums = new Map([...some].map(([name, gradient]) => [name, tf.add(gradient, others.get(name)!)]));
  disposeGradients(some);
  disposeGradients(others);
  return sums;
}

/** Returns the global Euclidean norm of all gradients, a scalar. */
export function gradientNorm(gradients: Gradients): tf.Scalar {
  return tf.tidy(() => {
    const norms = [...gradients.values()].map(normOf);
    return normOf(tf.stack(norms));
  });
}

export function disposeGradients(gradients: Gradients): void {
  tf.dispose([...gradients.values()]);
}
