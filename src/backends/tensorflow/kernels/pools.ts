import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from '../backend';
import type { StoredType } from '../binding';
import type { Attributes } from '../recording';
import { type Call, given, integers, register } from './register';
import { cropped, padded, paddedShape, slidingAttributes, VALID } from './windows';

type Shape4D = [number, number, number, number];
type PoolInfo = tf.backend_util.Conv2DInfo;

/** A call of a pooling kernel or of its gradient. */
interface PoolCall extends Call {
  readonly attrs: tf.AvgPoolAttrs;
}

/**
 * Registers pools, in the format of their input. TensorFlow's pools take no explicit padding. Padding other than its
 * SAME is applied before: with the lowest number for max pooling, and with zeros for average pooling, whose result is
 * then rescaled to the pixels inside the image.
 */
export function registerPools(): void {
  register(tf.MaxPool, (call) => {
    const x = given(call, 'x');
    const info = poolInfo(call, x.shape);
    const attributes = poolAttributes(call.backend, x, info);
    if (attributes.padding !== 'EXPLICIT') return call.backend.run('MaxPool', attributes, [x]);
    return padded(call.backend, x, info, Number.NEGATIVE_INFINITY, (image) =>
      call.backend.run('MaxPool', { ...attributes, ...VALID }, [image]),
    );
  });
  register(tf.MaxPoolGrad, (call) => {
    const input = given(call, 'input');
    const info = poolInfo(call, input.shape);
    const attributes = poolAttributes(call.backend, input, info);
    if (attributes.padding !== 'EXPLICIT') return maximumGradient(call, attributes, input);
    return padded(call.backend, input, info, Number.NEGATIVE_INFINITY, (image) =>
      cropped(call.backend, maximumGradient(call, { ...attributes, ...VALID }, image), info),
    );
  });
  register(tf.AvgPool, averagePool);
  register(tf.AvgPoolGrad, averagePoolGradient);
}

function poolInfo({ attrs }: PoolCall, shape: readonly number[]): PoolInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  return tf.backend_util.computePool2DInfo(shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);
}

function poolAttributes(backend: TensorflowBackend, x: tf.TensorInfo, info: PoolInfo) {
  const { dilations, explicit_paddings, ...attributes } = slidingAttributes(info);
  return {
    ...attributes,
    padding: attributes.padding,
    ksize: [1, info.filterHeight, info.filterWidth, 1],
    T: { type: backend.typeOf(x) },
  } satisfies Attributes;
}

/**
 * Computes the input gradient of a max pool. oneDNN's kernels, although they pool again to find the maxima, are faster
 * than TensorFlow's own. See docs/performance.md.
 */
function maximumGradient(call: Call, attributes: Attributes, image: tf.TensorInfo): tf.TensorInfo {
  const { backend } = call;
  const [dy, output] = [given(call, 'dy'), given(call, 'output')];
  const noting = {
    ...attributes,
    explicit_paddings: [],
    workspace_enabled: true,
    _kernel: 'MklNameChangeOp',
  };
  const noted = backend.isOnGpu ? null : backend.runAllIfKnown('_MklNativeMaxPool', noting, [image], 2);
  if (!noted) return backend.run('MaxPoolGrad', attributes, [image, output, dy]);
  const [maxima, places] = noted as [tf.TensorInfo, tf.TensorInfo];
  const gradient = backend.run('_MklNativeMaxPoolGrad', noting, [image, maxima, dy, places]);
  backend.release(maxima, places);
  return gradient;
}

function averagePool(call: PoolCall): tf.TensorInfo {
  const { backend } = call;
  const x = given(call, 'x');
  const info = poolInfo(call, x.shape);
  const attributes = poolAttributes(backend, x, info);
  if (attributes.padding !== 'EXPLICIT') return backend.run('AvgPool', attributes, [x]);
  return padded(backend, x, info, 0, (image) => {
    const mean = backend.run('AvgPool', { ...attributes, padding: 'VALID' }, [image]);
    const y = backend.run('Mul', { T: attributes.T }, [mean, insideCorrection(info, attributes.T.type)]);
    backend.release(mean);
    return y;
  });
}

/** Divides by the full window size, padding included, like the TensorFlow.js kernel. */
function averagePoolGradient(call: PoolCall): tf.TensorInfo {
  const { backend } = call;
  const [dy, input] = [given(call, 'dy'), given(call, 'input')];
  const info = poolInfo(call, input.shape);
  const attributes = { ...poolAttributes(backend, dy, info), padding: 'VALID' };
  const { top, bottom, left, right } = info.padInfo;
  const dPadded = backend.run('AvgPoolGrad', attributes, [integers(paddedShape(info)), dy]);
  if (top + bottom + left + right === 0) return dPadded;
  return cropped(backend, dPadded, info);
}

/**
 * Returns, per output pixel, the window size divided by its number of pixels inside the image, as an input of shape
 * [rows, columns, 1].
 */
function insideCorrection(info: PoolInfo, type: StoredType) {
  const share = (outputs: number, extent: number, size: number, stride: number, before: number) =>
    Array.from({ length: outputs }, (_, index) => {
      const first = index * stride - before;
      return size / (Math.min(first + size, extent) - Math.max(first, 0));
    });
  const { padInfo } = info;
  const rows = share(info.outHeight, info.inHeight, info.filterHeight, info.strideHeight, padInfo.top);
  const columns = share(info.outWidth, info.inWidth, info.filterWidth, info.strideWidth, padInfo.left);
  const floats = rows.flatMap((row) => columns.map((column) => row * column));
  return { floats, shape: [info.outHeight, info.outWidth, 1], type };
}
