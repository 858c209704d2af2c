import * as tf from '@tensorflow/tfjs-core';
import type { Shape4D, Window } from '../window';
import * as plain from './plainConv2d';

/** A grouped convolution (as in ResNeXt): each group of channels has its own plain convolution. */
interface Grouped extends Window {
  readonly groups: number;
}

export function forward(x: tf.Tensor4D, kernel: tf.Tensor4D, window: Grouped): tf.Tensor4D {
  return perGroup(window, (group) => plain.forward(group(x), group(kernel), window));
}

export function inputGradient(
  dy: tf.Tensor4D,
  kernel: tf.Tensor4D,
  [batch, height, width, channels]: Shape4D,
  window: Grouped,
): tf.Tensor4D {
  const shape: Shape4D = [batch, height, width, channels / window.groups];
  return perGroup(window, (group) => plain.inputGradient(group(dy), group(kernel), shape, window));
}

export function kernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  [height, width, channels, filters]: Shape4D,
  window: Grouped,
): tf.Tensor4D {
  const shape: Shape4D = [height, width, channels, filters / window.groups];
  return perGroup(window, (group) => plain.kernelGradient(group(x), group(dy), shape, window));
}

/** Calls `compute` once per group, with a function that slices the group out of a tensor's last axis. */
function perGroup(
  { groups }: Grouped,
  compute: (group: (tensor: tf.Tensor4D) => tf.Tensor4D) => tf.Tensor4D,
): tf.Tensor4D {
  return tf.tidy(() => {
    const parts = Array.from({ length: groups }, (_, index) =>
      tf.tidy(() =>
        compute((tensor) => {
          const [a, b, c, last] = tensor.shape;
          const size = last / groups;
          return tf.slice4d(tensor, [0, 0, 0, index * size], [a, b, c, size]);
        }),
      ),
    );
    return tf.concat4d(parts, 3);
  });
}
