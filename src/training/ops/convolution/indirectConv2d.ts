import type * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../../backends/engineKernels';
import type { Shape4D, Window } from '../window';

/** An ungrouped convolution as products of pixel rows, on engines with kernels for it (wasm). */

/** Returns whether the current engine has indirect kernels for a convolution with this kernel. */
export function isAvailable([, , channels, filters]: Shape4D): boolean {
  return channels % 8 === 0 && filters % 8 === 0 && hasKernel('IndirectConv2D');
}

export function forward(x: tf.Tensor4D, kernel: tf.Tensor4D, { stride, padding }: Window): tf.Tensor4D {
  const [kernelHeight, kernelWidth] = kernel.shape;
  const [, height, width] = x.shape;
  const outputs = (extent: number) => Math.floor(extent / stride) + 1;
  const size = {
    height: outputs(height + padding.top + padding.bottom - kernelHeight),
    width: outputs(width + padding.left + padding.right - kernelWidth),
  };
  return runOwnKernel('IndirectConv2D', { x, kernel }, { stride, padding, ...size });
}

export function inputGradient(
  dy: tf.Tensor4D,
  kernel: tf.Tensor4D,
  inputShape: Shape4D,
  { stride, padding }: Window,
): tf.Tensor4D {
  return runOwnKernel('IndirectInputGradient', { dy, kernel }, { stride, padding, inputShape });
}

export function kernelGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  kernelShape: Shape4D,
  { stride, padding }: Window,
): tf.Tensor4D {
  return runOwnKernel('IndirectKernelGradient', { x, dy }, { stride, padding, kernelShape });
}
