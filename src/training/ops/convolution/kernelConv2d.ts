import * as tf from '@tensorflow/tfjs-core';
import { hasKernel } from '../../../backends/engineKernels';
import { explicitPadding, type Shape4D, type Window } from '../window';

/** An ungrouped convolution whose gradients use kernels that only some engines have. */
export function isAvailable(): boolean {
  return hasKernel(tf.Conv2DBackpropFilter) && hasKernel(tf.Conv2DBackpropInput);
}

export function forward(x: tf.Tensor4D, kernel: tf.Tensor4D, { stride, padding }: Window): tf.Tensor4D {
  return tf.conv2d(x, kernel, stride, explicitPadding(padding));
}

export function inputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  inputShape: Shape4D,
  window: Window,
): tf.Tensor4D {
  return tf.engine().runKernel(tf.Conv2DBackpropInput, { dy, filter }, { ...attributes(window), inputShape });
}

export function kernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  filterShape: Shape4D,
  window: Window,
): tf.Tensor4D {
  return tf.engine().runKernel(tf.Conv2DBackpropFilter, { x, dy }, { ...attributes(window), filterShape });
}

function attributes({ stride, padding }: Window) {
  return { strides: stride, pad: explicitPadding(padding), dataFormat: 'NHWC' };
}
