import * as tf from '@tensorflow/tfjs-core';
import { globalAveragePool } from './globalAveragePool';

/**
 * Sums over all axes except the channels: [batch, height, width, channels] to [channels].
 *
 * An average pool over the image, then a matrix product over the batch, is much faster than `tf.sum` on the wasm
 * engine. See docs/performance.md. Summing in two levels also loses less precision than one long chain of float32
 * additions.
 */
export function channelSum(x: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => {
    const [, height, width] = x.shape;
    return tf.mul(rowSum(globalAveragePool(x)), height * width);
  });
}

/** Sums over the rows: [rows, columns] to [columns]. */
export function rowSum(x: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const [rows, columns] = x.shape;
    return tf.reshape<tf.Rank.R1>(tf.matMul(tf.ones<tf.Rank.R2>([1, rows]), x), [columns]);
  });
}

/** Averages over all axes except the channels. */
export function channelMean(x: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => tf.div(channelSum(x), x.size / x.shape[3]));
}

/**
 * Computes `x * scale + shift` per channel, x [batch, height, width, channels], scale and shift [channels].
 *
 * A 1x1 depthwise convolution does it in one pass. On the wasm engine this is faster than a broadcast multiplication
 * and addition, or than `tf.batchNorm`. See docs/performance.md.
 */
export function scaleShift(
  x: tf.Tensor4D,
  scale: tf.Tensor1D,
  shift: tf.Tensor1D,
  activation: 'linear' | 'relu' = 'linear',
): tf.Tensor4D {
  return tf.tidy(() =>
    tf.fused.depthwiseConv2d({
      x,
      filter: tf.reshape<tf.Rank.R4>(scale, [1, 1, scale.size, 1]),
      strides: 1,
      pad: 'valid',
      bias: shift,
      activation,
    }),
  );
}
