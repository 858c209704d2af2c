import * as tf from '@tensorflow/tfjs-core';
import { explicitPadding, type Window } from './window';

export interface Pool extends Window {
  readonly mode: 'max' | 'average';
  readonly size: readonly [height: number, width: number];
  /** Whether the zeros of the padding count in an average (PyTorch's count_include_pad). */
  readonly countsPadding: boolean;
}

/** Returns the maximum or mean of each window. Padding is never the maximum. */
export function pool(x: tf.Tensor4D, { mode, size, stride, padding, countsPadding }: Pool): tf.Tensor4D {
  const pad = explicitPadding(padding);
  const window: [number, number] = [...size];
  // XNNPACK rejects a 1x1 pool.
  if (size[0] * size[1] === 1 && stride === 1) return tf.pad(x, pad);
  if (mode === 'max') return tf.maxPool(x, window, stride, pad);
  if (!countsPadding) return tf.avgPool(x, window, stride, pad);
  return tf.tidy(() => tf.avgPool(tf.pad(x, pad), window, stride, 'valid'));
}

/**
 * Returns the gradient of the input, given the pool's input and output and the output gradient. The first of equal
 * maxima gets it. On webgpu the last one does, because its kernel searches differently.
 */
export function poolGradient(dy: tf.Tensor4D, x: tf.Tensor4D, y: tf.Tensor4D, window: Pool): tf.Tensor4D {
  const { mode, size, stride, padding, countsPadding } = window;
  const attributes = { filterSize: [...size], strides: stride, pad: explicitPadding(padding) };
  // Every TensorFlow.js backend has these kernels, but the library exports no function for them.
  if (mode === 'max') return tf.engine().runKernel(tf.MaxPoolGrad, { dy, input: x, output: y }, attributes);
  return tf.tidy(() => {
    const shared = countsPadding ? dy : tf.mul(dy, paddingCorrection(x.shape, y.shape, window));
    return tf.engine().runKernel(tf.AvgPoolGrad, { dy: shared, input: x }, attributes);
  });
}

/**
 * Returns, per output pixel, the window size divided by its number of pixels inside the image. AvgPoolGrad divides by
 * the full window, but the forward pass divides by the pixels inside.
 */
function paddingCorrection(
  [, height, width]: tf.Tensor4D['shape'],
  [, outHeight, outWidth]: tf.Tensor4D['shape'],
  { size, stride, padding }: Pool,
): tf.Tensor {
  const share = (extent: number, before: number, length: number) => (_: unknown, index: number) => {
    const first = index * stride - before;
    return length / (Math.min(first + length, extent) - Math.max(first, 0));
  };
  const down = Array.from({ length: outHeight }, share(height, padding.top, size[0]));
  const across = Array.from({ length: outWidth }, share(width, padding.left, size[1]));
  const rows = tf.tensor(down, [outHeight, 1, 1]);
  const columns = tf.tensor(across, [outWidth, 1]);
  return tf.mul(rows, columns);
}
