import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../random';

/**
 * Draws a dropout mask for a batch of this shape: 0 with probability `rate`, else 1 / (1 - rate), which preserves the
 * mean (inverted dropout). Draws per value or once per image, as `per` says.
 */
export function dropoutMask(
  shape: readonly number[],
  { rate, per }: { readonly rate: number; readonly per: 'value' | 'image' },
  random: Random,
): tf.Tensor {
  const masked = per === 'value' ? [...shape] : shape.map((extent, axis) => (axis === 0 ? extent : 1));
  const kept = 1 / (1 - rate);
  const threshold = rate * 2 ** 32;
  const values = new Float32Array(tf.util.sizeFromShape(masked));
  for (let index = 0; index < values.length; index++) values[index] = random.bits() < threshold ? 0 : kept;
  return tf.tensor(values, masked);
}

/** Applies a mask to x. The gradient of x is that of the output times the same mask. */
export function dropout<T extends tf.Tensor>(x: T, mask: tf.Tensor): T {
  return tf.mul<T>(x, mask);
}
