import * as tf from '@tensorflow/tfjs-core';
import { adaptiveShares } from '../../models/adaptiveShares';

type Size = readonly [height: number, width: number];

/**
 * Averages windows, so that images [batch, height, width, channels] of any size become images of `size`, also if they
 * are smaller. Output row i is the mean of rows floor(i height / size) up to ceil((i + 1) height / size), as in
 * PyTorch.
 */
export function adaptiveAveragePool(x: tf.Tensor4D, size: Size): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    const pixels = tf.reshape(x, [batch, height * width, channels]);
    const means = tf.matMul(shares([height, width], size, batch), pixels);
    return tf.reshape(means, [batch, ...size, channels]);
  });
}

/** Returns the gradient of the input, in its shape. */
export function adaptiveAveragePoolGradient(
  dy: tf.Tensor4D,
  [batch, height, width, channels]: tf.Tensor4D['shape'],
): tf.Tensor4D {
  return tf.tidy(() => {
    const [, outHeight, outWidth] = dy.shape;
    const pixels = tf.reshape(dy, [batch, outHeight * outWidth, channels]);
    const spread = tf.transpose(shares([height, width], [outHeight, outWidth], batch), [0, 2, 1]);
    return tf.reshape(tf.matMul(spread, pixels), [batch, height, width, channels]);
  });
}

/**
 * Returns the weight of each input pixel in each output pixel, repeated for each image: [batch, output pixels, input
 * pixels].
 */
function shares([height, width]: Size, [outHeight, outWidth]: Size, batch: number): tf.Tensor3D {
  const rows = adaptiveShares(height, outHeight);
  const columns = adaptiveShares(width, outWidth);
  const matrix = rows.flatMap((row) =>
    columns.map((column) => row.flatMap((part) => column.map((share) => part * share))),
  );
  const all = tf.tensor3d([matrix]);
  return batch === 1 ? all : tf.concat3d(Array<tf.Tensor3D>(batch).fill(all), 0);
}
