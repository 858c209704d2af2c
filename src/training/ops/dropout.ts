import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../random';

/**
 * What dropout multiplies a batch of this shape by: 0 with probability `rate`, else 1 / (1 - rate), so that the
 * mean stays (inverted dropout). Drawn `per` value, or once for each image.
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

/** x under its mask. The gradient of x is that of the output under the same mask. */
export function dropout<T extends tf.Tensor>(x: T, mask: tf.Tensor): T {
  return tf.mul<T>(x, mask);
}
