import * as tf from '@tensorflow/tfjs-core';
import { normOf } from '../ops/norm';
import type { Gradients } from './network';

/** Each gradient by `change`, which makes new tensors; the old ones are disposed. */
export function mapGradients(gradients: Gradients, change: (gradient: tf.Tensor) => tf.Tensor): Gradients {
  const changed = new Map([...gradients].map(([name, gradient]) => [name, tf.tidy(() => change(gradient))]));
  disposeGradients(gradients);
  return changed;
}

/** The sums of two sets of gradients, which are disposed. */
export function addGradients(some: Gradients, others: Gradients): Gradients {
  const sums = new Map([...some].map(([name, gradient]) => [name, tf.add(gradient, others.get(name)!)]));
  disposeGradients(some);
  disposeGradients(others);
  return sums;
}

/** The Euclidean norm of all gradients together, a scalar. */
export function gradientNorm(gradients: Gradients): tf.Scalar {
  return tf.tidy(() => {
    const norms = [...gradients.values()].map(normOf);
    return normOf(tf.stack(norms));
  });
}

export function disposeGradients(gradients: Gradients): void {
  tf.dispose([...gradients.values()]);
}
