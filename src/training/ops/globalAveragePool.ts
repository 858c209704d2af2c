import * as tf from '@tensorflow/tfjs-core';

/** Averages over height and width: [batch, height, width, channels] to [batch, channels]. */
export function globalAveragePool(x: tf.Tensor4D): tf.Tensor2D {
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    // XNNPACK rejects a 1x1 pool.
    const mean = height * width === 1 ? x : tf.avgPool(x, [height, width], 1, 'valid');
    return tf.reshape(mean, [batch, channels]);
  });
}

/** Returns the gradient of the input: the output's, spread evenly over the pixels. */
export function globalAveragePoolGradient(
  dy: tf.Tensor2D,
  [batch, height, width, channels]: tf.Tensor4D['shape'],
): tf.Tensor4D {
  return tf.tidy(() => {
    const perPixel = tf.reshape(tf.div(dy, height * width), [batch, 1, 1, channels]);
    // Adds to zeros instead of tiling: tf.tile is very slow on the wasm engine. See docs/performance.md.
    return tf.add<tf.Tensor4D>(tf.zeros([batch, height, width, channels]), perPixel);
  });
}
