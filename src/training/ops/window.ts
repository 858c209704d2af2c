import type * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../../models/graph';

/** How a kernel or a pool steps over an image. */
export interface Window {
  readonly stride: number;
  readonly padding: Padding;
}

/** A kernel's or an image's shape: [height, width, in, out] or [batch, height, width, channels]. */
export type Shape4D = tf.Tensor4D['shape'];

/** The padding of an [batch, height, width, channels] tensor as TensorFlow.js wants it. */
export function explicitPadding(
  padding: Padding,
): [[number, number], [number, number], [number, number], [number, number]] {
  return [
    [0, 0],
    [padding.top, padding.bottom],
    [padding.left, padding.right],
    [0, 0],
  ];
}
