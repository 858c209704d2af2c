import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../engineKernels';
import type { HalfFormat } from './formats';

/** An engine's own kernel for rounding: input `x`, attribute `format`. */
export const ROUNDING_KERNEL = 'RoundPrecision';

/**
 * A float32 tensor rounded to the values of a half format, to the bit as `roundArray` does it: by the kernel of
 * the engine in use, or by standard operations where it has none. A new tensor.
 */
export function roundTensor<T extends tf.Tensor>(x: T, format: HalfFormat): T {
  return hasKernel(ROUNDING_KERNEL)
    ? (runOwnKernel(ROUNDING_KERNEL, { x }, { format }) as T)
    : roundByOperations(x, format);
}

/** `roundTensor` on any engine that keeps to float32's arithmetic: in a dozen passes or two over the values. */
export function roundByOperations<T extends tf.Tensor>(x: T, format: HalfFormat): T {
  return tf.tidy(() => {
    const rounded = format === 'float16' ? toHalf(x) : toBfloat16(x);
    // A difference of equals is +0, whatever the sign of x.
    return tf.where(tf.equal(rounded, 0), tf.mul(x, 0), rounded) as T;
  });
}

function toHalf(x: tf.Tensor): tf.Tensor {
  const rounded = ontoGrid(x, 10, 2 ** -14, 2 ** 15);
  // What came to 65536 or more passes float32's range, and stays infinite.
  return tf.mul(tf.mul(rounded, 2 ** 112), 2 ** -112);
}

function toBfloat16(x: tf.Tensor): tf.Tensor {
  // Away from both ends of float32's range, where the products of `ontoGrid` would leave it.
  const small = tf.cast(tf.less(tf.abs(x), 1), 'float32');
  const large = tf.sub(1, small);
  // Sums so unequal that they come to the larger part exactly, or to the one that is left.
  const scale = tf.add(tf.mul(small, 2 ** 40), 2 ** -64);
  const inverse = tf.add(tf.mul(large, 2 ** 64), 2 ** -40);
  return tf.mul(ontoGrid(tf.mul(x, scale), 7, 2 ** (40 - 126), 2 ** 64), inverse);
}

/**
 * Rounds each value to `fractionBits` bits after its leading one, ties to even. Values below `least`, a power of
 * two, are rounded as those from it on, and values past `most` not coarser than that.
 *
 * Adding 3 x 2^22 times the wanted spacing makes that the spacing of float32 at the sum, so that the addition
 * rounds as wanted, and the subtraction is exact.
 */
function ontoGrid(x: tf.Tensor, fractionBits: number, least: number, most: number): tf.Tensor {
  const leadingOne = unitInTheFirstPlace(tf.clipByValue(tf.abs(x), least, most));
  const anchor = tf.mul(leadingOne, 1.5 * 2 ** (23 - fractionBits));
  return tf.sub(tf.add(x, anchor), anchor);
}

/** The largest power of two not above each positive value (Rump, Ogita and Oishi 2008, algorithm 3.5). */
function unitInTheFirstPlace(x: tf.Tensor): tf.Tensor {
  const product = tf.mul(x, 2 ** 23 + 1);
  return tf.abs(tf.sub(product, tf.mul(product, 1 - 2 ** -24)));
}
