import type * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../../models/graph';

/** The stride and padding of a kernel or a pool. */
export interface Window {
  readonly stride: number;
  readonly padding: Padding;
}

/** The shape of a kernel or an image: [height, width, in, out] or [batch, height, width, channels]. */
export type Shape4D = tf.Tensor4D['shape'];

/** Converts the padding of a [batch, height, width, channels] tensor to the TensorFlow.js format. */
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
