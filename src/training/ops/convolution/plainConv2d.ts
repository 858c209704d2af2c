import * as tf from '@tensorflow/tfjs-core';
import { insertZeros, place, subsample } from '../resample';
import { explicitPadding, type Shape4D, type Window } from '../window';

/**
 * An ungrouped convolution, with its gradients computed as convolutions too. The wasm engine has a fast convolution
 * (XNNPACK), but no kernel for the filter gradient, and only a scalar one for the input gradient.
 */

export function forward(x: tf.Tensor4D, kernel: tf.Tensor4D, { stride, padding }: Window): tf.Tensor4D {
  return tf.conv2d(x, kernel, stride, explicitPadding(padding));
}

/**
 * Computes the input gradient. With stride s, input row h = s a + r meets kernel row k of output row o if s o + k = h +
 * padding. For a fixed remainder r, this is a convolution with stride 1 that uses every s-th kernel row. One
 * convolution computes each remainder of rows. It has the remainders of columns as channels, so that its output is
 * already in the right order. At stride 2 that is a third of the work of convolving a gradient with zeros between its
 * pixels.
 */
export function inputGradient(
  dy: tf.Tensor4D,
  kernel: tf.Tensor4D,
  inputShape: Shape4D,
  window: Window,
): tf.Tensor4D {
  const { stride, padding } = window;
  if (isPointwise(kernel.shape, window)) return pointwiseInputGradient(dy, kernel, inputShape, stride);
  return tf.tidy(() => {
    const [kernelHeight, kernelWidth] = kernel.shape;
    const [batch, height, width, channels] = inputShape;
    const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    const remainders = Array.from({ length: stride }, (_, remainder) => remainder);
    const columnTaps = tapsOf(remainders, stride, kernelWidth, padding.left);
    const phases = remainders.map((remainder) => {
      const rowTaps = tapsOf([remainder], stride, kernelHeight, padding.top);
      return correlate(
        dy,
        phaseKernel(kernel, rowTaps, columnTaps),
        rowTaps.first,
        columnTaps.first,
        rows,
        columns,
      );
    });
    const [only] = phases;
    if (only && stride === 1) return only;
    // [batch, rows, columns, stride * channels] per remainder is [batch, rows, stride, columns * stride, channels].
    const lines = phases.map((phase) => tf.reshape(phase, [batch * rows, columns * stride * channels]));
    const whole = tf.reshape<tf.Rank.R4>(tf.concat(lines, 1), [
      batch,
      rows * stride,
      columns * stride,
      channels,
    ]);
    return place(whole, { top: 0, left: 0, height, width });
  });
}

/**
 * Computes the kernel gradient as a convolution with batch and channels swapped: x's channels are the images, and the
 * output gradient is the kernel, with its pixels `stride` apart.
 */
export function kernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  kernelShape: Shape4D,
  window: Window,
): tf.Tensor4D {
  const { stride, padding } = window;
  if (isPointwise(kernelShape, window)) return pointwiseKernelGradient(x, dy, kernelShape, stride);
  return tf.tidy(() => {
    const [kernelHeight, kernelWidth] = kernelShape;
    const [, outHeight, outWidth] = dy.shape;
    const [, height, width] = x.shape;
    // Pads or crops to exactly the rows and columns that the windows reach, which may end before the input or its
    // padding does.
    const bottom = (outHeight - 1) * stride + kernelHeight - height - padding.top;
    const right = (outWidth - 1) * stride + kernelWidth - width - padding.left;
    const reached =
      bottom < 0 || right < 0
        ? place(x, {
            top: 0,
            left: 0,
            height: height + Math.min(bottom, 0),
            width: width + Math.min(right, 0),
          })
        : x;
    const images = tf.transpose(reached, [3, 1, 2, 0]);
    const filters = tf.transpose(dy, [1, 2, 0, 3]);
    const pad: ReturnType<typeof explicitPadding> = [
      [0, 0],
      [padding.top, Math.max(bottom, 0)],
      [padding.left, Math.max(right, 0)],
      [0, 0],
    ];
    const gradient = tf.conv2d(images, filters, 1, pad, 'NHWC', stride);
    return tf.transpose(gradient, [1, 2, 0, 3]);
  });
}

/** Returns whether a convolution is 1x1 without padding: a matrix product over the pixels that the stride keeps. */
function isPointwise([height, width]: Shape4D, { padding }: Window): boolean {
  const { top, bottom, left, right } = padding;
  return height === 1 && width === 1 && top + bottom + left + right === 0;
}

function pointwiseInputGradient(
  dy: tf.Tensor4D,
  kernel: tf.Tensor4D,
  [, height, width]: Shape4D,
  stride: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, outHeight, outWidth, filters] = dy.shape;
    const channels = kernel.shape[2];
    const product = tf.matMul(pixels(dy), tf.transpose(tf.reshape(kernel, [channels, filters])));
    const dx = tf.reshape<tf.Rank.R4>(product, [batch, outHeight, outWidth, channels]);
    return stride === 1 ? dx : insertZeros(dx, stride, { top: 0, left: 0, height, width });
  });
}

function pointwiseKernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  kernelShape: Shape4D,
  stride: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const seen = subsample(x, stride);
    return tf.reshape(tf.matMul(tf.transpose(pixels(seen)), pixels(dy)), kernelShape);
  });
}

/** Reshapes [batch, height, width, channels] to a matrix [pixels, channels]. */
function pixels(x: tf.Tensor4D): tf.Tensor2D {
  const channels = x.shape[3];
  return tf.reshape(x, [x.size / channels, channels]);
}

/** Along one axis, the kernel taps that input pixels meet, by remainder. */
interface Taps {
  /**
   * The first output pixel that input pixel 0 of a remainder contributes to. For other input pixels it shifts by the
   * same distance.
   */
  readonly first: number;
  /** By remainder, and by output pixel starting there: the kernel tap, or null if there is none. */
  readonly pixels: readonly (readonly (number | null)[])[];
}

function tapsOf(remainders: readonly number[], stride: number, extent: number, padding: number): Taps {
  const outputs = remainders.flatMap((remainder) =>
    Array.from({ length: extent }, (_, pixel) => (remainder + padding - pixel) / stride).filter(
      Number.isInteger,
    ),
  );
  // If the stride is larger than the kernel, a remainder may meet no kernel tap. Its gradient is 0.
  const first = Math.min(...(outputs.length > 0 ? outputs : [0]));
  const last = Math.max(...(outputs.length > 0 ? outputs : [0]));
  const pixels = remainders.map((remainder) =>
    Array.from({ length: last - first + 1 }, (_, index) => {
      const pixel = remainder + padding - stride * (first + index);
      return pixel >= 0 && pixel < extent ? pixel : null;
    }),
  );
  return { first, pixels };
}

/** Rearranges the kernel [height, width, in, out] to [row taps, column taps, out, column remainders * in]. */
function phaseKernel(kernel: tf.Tensor4D, rows: Taps, columns: Taps): tf.Tensor4D {
  const [height, width, channels, filters] = kernel.shape;
  const [rowPixels = []] = rows.pixels;
  // Gathers tap by tap, with zeros as the last one. Reversing and transposing in more than four dimensions is slow on
  // the wasm engine. See docs/performance.md.
  const none = height * width;
  const pixels = tf.concat([
    tf.reshape(tf.transpose(kernel, [0, 1, 3, 2]), [none, filters * channels]),
    tf.zeros([1, filters * channels]),
  ]);
  const parts = columns.pixels.map((columnPixels) => {
    const taken = rowPixels.flatMap((row) =>
      columnPixels.map((column) => (row === null || column === null ? none : row * width + column)),
    );
    const part = tf.gather(pixels, tf.tensor1d(taken, 'int32'));
    return tf.reshape<tf.Rank.R4>(part, [rowPixels.length, columnPixels.length, filters, channels]);
  });
  return tf.concat4d(parts, 3);
}

/**
 * Runs the convolution whose output pixel (a, b) starts at pixel (a + top, b + left) of x, with `rows` by `columns`
 * outputs.
 */
function correlate(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  top: number,
  left: number,
  rows: number,
  columns: number,
): tf.Tensor4D {
  const [, height, width] = x.shape;
  const below = top + rows + kernel.shape[0] - 1 - height;
  const right = left + columns + kernel.shape[1] - 1 - width;
  const seen = place(x, {
    top: Math.min(-top, 0),
    left: Math.min(-left, 0),
    height: height - Math.max(top, 0) + Math.min(below, 0),
    width: width - Math.max(left, 0) + Math.min(right, 0),
  });
  return tf.conv2d(seen, kernel, 1, [
    [0, 0],
    [Math.max(-top, 0), Math.max(below, 0)],
    [Math.max(-left, 0), Math.max(right, 0)],
    [0, 0],
  ]);
}
