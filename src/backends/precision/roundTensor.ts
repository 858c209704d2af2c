import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../engineKernels';
import type { HalfFormat } from './formats';

/** An engine's own rounding kernel: input `x`, attribute `format`. */
export const ROUNDING_KERNEL = 'RoundPrecision';

/**
 * Rounds a float32 tensor to the values of a half format, bit for bit like `roundArray`. Uses the engine's kernel, or
 * standard ops if it has none. Returns a new tensor.
 */
export function roundTensor<T extends tf.Tensor>(x: T, format: HalfFormat): T {
  return hasKernel(ROUNDING_KERNEL)
    ? (runOwnKernel(ROUNDING_KERNEL, { x }, { format }) as T)
    : roundByOperations(x, format);
}

/** Implements `roundTensor` on any engine with exact float32 arithmetic, in one or two dozen passes over the values. */
export function roundByOperations<T extends tf.Tensor>(x: T, format: HalfFormat): T {
  return tf.tidy(() => {
    const rounded = format === 'float16' ? toHalf(x) : toBfloat16(x);
    // The difference of equal values is +0, regardless of the sign of x.
    return tf.where(tf.equal(rounded, 0), tf.mul(x, 0), rounded) as T;
  });
}

function toHalf(x: tf.Tensor): tf.Tensor {
  const rounded = ontoGrid(x, 10, 2 ** -14, 2 ** 15);
  // Values that were rounded to 65536 or more overflow float32 and stay infinite.
  return tf.mul(tf.mul(rounded, 2 ** 112), 2 ** -112);
}

function toBfloat16(x: tf.Tensor): tf.Tensor {
  // Scales away from both ends of float32's range, where the products in `ontoGrid` would overflow or underflow.
  const small = tf.cast(tf.less(tf.abs(x), 1), 'float32');
  const large = tf.sub(1, small);
  // The terms differ so much that each sum equals the larger term exactly, or the one that is not zero.
  const scale = tf.add(tf.mul(small, 2 ** 40), 2 ** -64);
  const inverse = tf.add(tf.mul(large, 2 ** 64), 2 ** -40);
  return tf.mul(ontoGrid(tf.mul(x, scale), 7, 2 ** (40 - 126), 2 ** 64), inverse);
}

/**
 * Rounds each value to `fractionBits` bits after its leading one, ties to even. Values below `least`, a power of two,
 * use the spacing at `least`. Values above `most` use a spacing no coarser than at `most`.
 *
 * Adding 3 x 2^22 times the wanted spacing makes that the spacing of float32 at the sum. The addition therefore rounds
 * as wanted, and the subtraction is exact.
 */
function ontoGrid(x: tf.Tensor, fractionBits: number, least: number, most: number): tf.Tensor {
  const leadingOne = unitInTheFirstPlace(tf.clipByValue(tf.abs(x), least, most));
  const anchor = tf.mul(leadingOne, 1.5 * 2 ** (23 - fractionBits));
  return tf.sub(tf.add(x, anchor), anchor);
}

/** Returns the largest power of two not above each positive value (Rump, Ogita and Oishi 2008, algorithm 3.5). */
function unitInTheFirstPlace(x: tf.Tensor): tf.Tensor {
  const product = tf.mul(x, 2 ** 23 + 1);
  return tf.abs(tf.sub(product, tf.mul(product, 1 - 2 ** -24)));
}
