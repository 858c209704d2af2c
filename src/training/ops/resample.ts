import * as tf from '@tensorflow/tfjs-core';

/**
 * Places the pixels of x [batch, height, width, channels] `stride` apart on a canvas of zeros, the first at (`top`,
 * `left`). Drops pixels outside the canvas.
 */
export function insertZeros(
  x: tf.Tensor4D,
  stride: number,
  canvas: { top: number; left: number; height: number; width: number },
): tf.Tensor4D {
  return tf.tidy(() => {
    if (stride === 1) return place(x, canvas);
    const [batch, height, width, channels] = x.shape;
    // In three dimensions: zeros after each pixel, then after each row. The webgpu engine pads at most four dimensions.
    const spread = tf.pad(tf.reshape(x, [batch * height, width, channels]), [
      [0, 0],
      [0, (stride - 1) * width],
      [0, (stride - 1) * channels],
    ]);
    const whole = tf.reshape<tf.Rank.R4>(spread, [batch, height * stride, width * stride, channels]);
    return place(whole, canvas);
  });
}

/** Places x on a canvas of zeros, with its first pixel at (`top`, `left`), which may be negative. */
export function place(
  x: tf.Tensor4D,
  { top, left, height, width }: { top: number; left: number; height: number; width: number },
): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, xHeight, xWidth, channels] = x.shape;
    const firstRow = Math.max(-top, 0);
    const firstColumn = Math.max(-left, 0);
    const rows = Math.min(xHeight, height - top) - firstRow;
    const columns = Math.min(xWidth, width - left) - firstColumn;
    const seen =
      rows === xHeight && columns === xWidth
        ? x
        : tf.slice4d(x, [0, firstRow, firstColumn, 0], [batch, rows, columns, channels]);
    const above = Math.max(top, 0);
    const before = Math.max(left, 0);
    if (rows === height && columns === width) return seen === x ? tf.clone(x) : seen;
    return tf.pad(seen, [
      [0, 0],
      [above, height - above - rows],
      [before, width - before - columns],
      [0, 0],
    ]);
  });
}

/**
 * Returns every `stride`-th pixel of x in both directions, starting with the first. Uses a depthwise convolution by 1,
 * which copies exactly and is much faster than `tf.stridedSlice` on the wasm engine. See docs/performance.md.
 */
export function subsample(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return tf.clone(x);
  return tf.tidy(() => tf.depthwiseConv2d(x, tf.ones<tf.Rank.R4>([1, 1, x.shape[3], 1]), stride, 'valid'));
}
