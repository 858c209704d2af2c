import * as tf from '@tensorflow/tfjs-core';
import { globalAveragePool } from './globalAveragePool';

/**
 * Sum over everything but the channels: [batch, height, width, channels] to [channels].
 *
 * An average pool over the image, then a matrix product over the batch: 0.2 ms for [128, 28, 28, 16] on the
 * wasm engine, where `tf.sum` takes 6.5 ms. Summing in two levels also loses less precision than one long
 * chain of float32 additions.
 */
export function channelSum(x: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => {
    const [, height, width] = x.shape;
    return tf.mul(rowSum(globalAveragePool(x)), height * width);
  });
}

/** Sum over the rows: [rows, columns] to [columns]. */
export function rowSum(x: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const [rows, columns] = x.shape;
    return tf.reshape<tf.Rank.R1>(tf.matMul(tf.ones<tf.Rank.R2>([1, rows]), x), [columns]);
  });
}

/** Mean over everything but the channels. */
export function channelMean(x: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => tf.div(channelSum(x), x.size / x.shape[3]));
}

/**
 * `x * scale + shift` by channel, x [batch, height, width, channels], scale and shift [channels].
 *
 * As a 1x1 depthwise convolution it is one pass: 0.7 ms for [128, 28, 28, 16] on the wasm engine, where a
 * broadcast multiplication and addition take 3.6 ms and `tf.batchNorm` 7.3 ms.
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
