import * as tf from '@tensorflow/tfjs-core';
import type { Shape4D, Window } from '../window';
import * as depthwise from './depthwiseConv2d';
import * as grouped from './groupedConv2d';
import * as indirect from './indirectConv2d';
import * as byKernel from './kernelConv2d';
import * as plain from './plainConv2d';
import * as winograd from './winogradConv2d';

export interface Convolution extends Window {
  /** 1 for a plain convolution, the number of input channels for a depthwise one. */
  readonly groups: number;
}

/**
 * Convolves (strictly: cross-correlates) x [batch, height, width, in] with a kernel [height, width, in / groups, out].
 */
export function conv2d(x: tf.Tensor4D, kernel: tf.Tensor4D, convolution: Convolution): tf.Tensor4D {
  return algorithm(x.shape, kernel.shape, convolution).forward(x, kernel, convolution);
}

/** Returns the gradient of the input, in its shape `[batch, height, width, in]`. */
export function conv2dInputGradient(
  dy: tf.Tensor4D,
  kernel: tf.Tensor4D,
  inputShape: Shape4D,
  convolution: Convolution,
): tf.Tensor4D {
  return algorithm(inputShape, kernel.shape, convolution).inputGradient(dy, kernel, inputShape, convolution);
}

/** Returns the gradient of the kernel, in its shape `[height, width, in / groups, out]`. */
export function conv2dKernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  kernelShape: Shape4D,
  convolution: Convolution,
): tf.Tensor4D {
  return algorithm(x.shape, kernelShape, convolution).kernelGradient(x, dy, kernelShape, convolution);
}

/** Adds a bias [channels] to an image. The gradient of the bias is the channel sum of the output gradient. */
export function addBias(x: tf.Tensor4D, bias: tf.Tensor1D): tf.Tensor4D {
  return tf.add<tf.Tensor4D>(x, bias);
}

interface Algorithm {
  forward(x: tf.Tensor4D, kernel: tf.Tensor4D, convolution: Convolution): tf.Tensor4D;
  inputGradient(
    dy: tf.Tensor4D,
    kernel: tf.Tensor4D,
    inputShape: Shape4D,
    convolution: Convolution,
  ): tf.Tensor4D;
  kernelGradient(
    x: tf.Tensor4D,
    dy: tf.Tensor4D,
    kernelShape: Shape4D,
    convolution: Convolution,
  ): tf.Tensor4D;
}

function algorithm(inputShape: Shape4D, kernelShape: Shape4D, convolution: Convolution): Algorithm {
  const [, , inPerGroup, out] = kernelShape;
  const { groups } = convolution;
  if (groups > 1) return inPerGroup === 1 && out === groups ? depthwise : grouped;
  if (winograd.isAvailable(inputShape, kernelShape, convolution)) return winograd;
  if (indirect.isAvailable(kernelShape)) return indirect;
  return byKernel.isAvailable() ? byKernel : plain;
}
