import * as tf from '@tensorflow/tfjs-core';
import { channelSum } from '../channels';
import { insertZeros, subsample } from '../resample';
import { explicitPadding, type Shape4D, type Window } from '../window';

/** A convolution with one filter per channel, kernel [height, width, 1, channels]. */

export function forward(x: tf.Tensor4D, kernel: tf.Tensor4D, { stride, padding }: Window): tf.Tensor4D {
  return tf.tidy(() => tf.depthwiseConv2d(x, channelsThird(kernel), stride, explicitPadding(padding)));
}

/** Convolves the output gradient, with its pixels `stride` apart, with the kernel rotated by 180 degrees. */
export function inputGradient(
  dy: tf.Tensor4D,
  kernel: tf.Tensor4D,
  [, height, width]: Shape4D,
  { stride, padding }: Window,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [kernelHeight, kernelWidth] = kernel.shape;
    // Pads by the kernel's extent around every input pixel: input pixel h meets padded gradient pixels h + 0 ... h + k
    // - 1.
    const placed = insertZeros(dy, stride, {
      top: kernelHeight - 1 - padding.top,
      left: kernelWidth - 1 - padding.left,
      height: height + kernelHeight - 1,
      width: width + kernelWidth - 1,
    });
    return tf.depthwiseConv2d(placed, channelsThird(tf.reverse(kernel, [0, 1])), 1, 'valid');
  });
}

/** Computes one product and channel sum for each kernel tap. */
export function kernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  kernelShape: Shape4D,
  { stride, padding }: Window,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [kernelHeight, kernelWidth] = kernelShape;
    const [batch, outHeight, outWidth, channels] = dy.shape;
    const padded = tf.pad(x, explicitPadding(padding));
    const rows: tf.Tensor1D[] = [];
    for (let row = 0; row < kernelHeight; row++) {
      for (let column = 0; column < kernelWidth; column++) {
        rows.push(
          tf.tidy(() => {
            const reached = tf.slice4d(
              padded,
              [0, row, column, 0],
              [batch, (outHeight - 1) * stride + 1, (outWidth - 1) * stride + 1, channels],
            );
            return channelSum(tf.mul<tf.Tensor4D>(subsample(reached, stride), dy));
          }),
        );
      }
    }
    return tf.reshape(tf.concat(rows), kernelShape);
  });
}

/** Reshapes to TensorFlow's depthwise layout, [height, width, channels, 1]. */
function channelsThird(kernel: tf.Tensor4D): tf.Tensor4D {
  const [height, width, , channels] = kernel.shape;
  return tf.reshape(kernel, [height, width, channels, 1]);
}
