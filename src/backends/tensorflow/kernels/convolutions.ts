import * as tf from '@tensorflow/tfjs-core';
import { NATIVE_TYPE, type StoredType } from '../binding';
import type { Attributes } from '../recording';
import { ConvolutionProduct } from './products';
import { type Call, converted, given, INT32, inOneFormat, integers, register } from './register';
import { cropped, padded, paddedShape, slidingAttributes, VALID } from './windows';

type Shape4D = [number, number, number, number];
type Two = [tf.TensorInfo, tf.TensorInfo];

/** A call of a sliding-window kernel. */
interface SlidingCall extends Call {
  readonly attrs: Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dimRoundingMode'> &
    Partial<Pick<tf.Conv2DAttrs, 'dilations' | 'dataFormat'>>;
}

interface FilterGradientCall extends SlidingCall {
  readonly attrs: SlidingCall['attrs'] & { readonly filterShape: Shape4D };
}

/**
 * Registers convolutions, their gradients, and matrix products, in the format of their inputs. Only the forward
 * convolution handles explicit padding at oneDNN's speed with float32 sums. For the gradients, the images are padded
 * before or cropped after.
 */
export function registerConvolutions(): void {
  register(tf.Conv2D, (call) => {
    const [x, filter] = [given(call, 'x'), given(call, 'filter')];
    const info = infoOf(call, x.shape, filter.shape, false);
    return inOneFormat(call.backend, [x, filter], (type, inputs) => {
      const product = ConvolutionProduct.of(call.backend, type, info);
      return product
        ? product.forward(...(inputs as Two))
        : call.backend.run('Conv2D', { ...slidingAttributes(info), T: { type } }, inputs);
    });
  });
  register(tf.Conv2DBackpropInput, (call) => {
    const [dy, filter] = [given(call, 'dy'), given(call, 'filter')];
    const { inputShape } = call.attrs;
    return inputGradient('Conv2DBackpropInput', call, inputShape, [filter, dy], false);
  });
  register(tf.Conv2DBackpropFilter, (call) => {
    const [x, dy] = [given(call, 'x'), given(call, 'dy')];
    const { strides, filterShape } = call.attrs;
    const [height, width] = filterShape;
    const stepsOverPixels = height === 1 && width === 1 && typeof strides === 'number' && strides > 1;
    if (!stepsOverPixels) return filterGradient('Conv2DBackpropFilter', call, [x, dy], false);
    // oneDNN's kernel for these strides writes out of bounds (TensorFlow 2.21, fewer than 16 channels).
    const seen = subsampled(call, x, strides);
    const attrs = { ...call.attrs, strides: 1, pad: 'valid' as const };
    const gradient = filterGradient('Conv2DBackpropFilter', { ...call, attrs }, [seen, dy], false);
    call.backend.release(seen);
    return gradient;
  });
  register(tf.DepthwiseConv2dNative, (call) => depthwise(call));
  register(tf.DepthwiseConv2dNativeBackpropInput, (call) => {
    const [dy, filter] = [given(call, 'dy'), given(call, 'filter')];
    const { inputShape } = call.attrs;
    return inputGradient('DepthwiseConv2dNativeBackpropInput', call, inputShape, [filter, dy], true);
  });
  register(tf.DepthwiseConv2dNativeBackpropFilter, (call) =>
    filterGradient('DepthwiseConv2dNativeBackpropFilter', call, [given(call, 'x'), given(call, 'dy')], true),
  );
  register(tf.FusedDepthwiseConv2D, fusedDepthwise);
  register(tf.BatchMatMul, product);
}

/** Converts the attributes of a TensorFlow.js convolution to those of TensorFlow's ops. */
function sliding(
  call: SlidingCall,
  inputShape: readonly number[],
  filterShape: readonly number[],
  isDepthwise: boolean,
) {
  return slidingAttributes(infoOf(call, inputShape, filterShape, isDepthwise));
}

function infoOf(
  { attrs }: SlidingCall,
  inputShape: readonly number[],
  filterShape: readonly number[],
  isDepthwise: boolean,
) {
  const { strides, pad, dilations = 1, dimRoundingMode, dataFormat = 'NHWC' } = attrs;
  if (dataFormat !== 'NHWC') throw new Error(`Images lie as NHWC, not ${dataFormat}`);
  return tf.backend_util.computeConv2DInfo(
    inputShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    isDepthwise,
  );
}

function inputGradient(
  op: string,
  call: SlidingCall,
  inputShape: readonly number[],
  [filter, dy]: readonly [tf.TensorInfo, tf.TensorInfo],
  isDepthwise: boolean,
): tf.TensorInfo {
  const { backend } = call;
  const info = infoOf(call, inputShape, filter.shape, isDepthwise);
  const attributes = slidingAttributes(info);
  return inOneFormat(backend, [filter, dy], (type, tensors) => {
    const product = isDepthwise ? null : ConvolutionProduct.of(backend, type, info);
    if (product?.roundsInputGradientOnce) {
      const [weights, gradient] = tensors as Two;
      return product.inputGradient(gradient, weights);
    }
    if (attributes.padding !== 'EXPLICIT') {
      return backend.run(op, { ...attributes, T: { type } }, [integers(inputShape), ...tensors]);
    }
    const size = integers(paddedShape(info));
    return cropped(
      backend,
      backend.run(op, { ...attributes, ...VALID, T: { type } }, [size, ...tensors]),
      info,
    );
  });
}

function filterGradient(
  op: string,
  call: FilterGradientCall,
  [x, dy]: readonly [tf.TensorInfo, tf.TensorInfo],
  isDepthwise: boolean,
): tf.TensorInfo {
  const { backend } = call;
  const { filterShape } = call.attrs;
  const info = infoOf(call, x.shape, filterShape, isDepthwise);
  const attributes = slidingAttributes(info);
  const run = (type: StoredType, [image, gradient]: readonly tf.TensorInfo[]) => {
    const differentiate = (seen: tf.TensorInfo, padding: Attributes) =>
      backend.run(op, { ...attributes, ...padding, T: { type } }, [
        seen,
        integers(filterShape),
        gradient as tf.TensorInfo,
      ]);
    return attributes.padding === 'EXPLICIT'
      ? padded(backend, image as tf.TensorInfo, info, 0, (seen) => differentiate(seen, VALID))
      : differentiate(image as tf.TensorInfo, {});
  };
  return inOneFormat(backend, [x, dy], (type, tensors) => {
    const product = isDepthwise ? null : ConvolutionProduct.of(backend, type, info);
    if (product) return product.filterGradient(...(tensors as Two));
    if (type === NATIVE_TYPE.float32 || everyTapMeetsTheImage(info)) return run(type, tensors);
    // oneDNN's half-precision kernels leave the gradients of taps that only meet padding uninitialized.
    const wide = converted(backend, tensors, NATIVE_TYPE.float32, (all) => run(NATIVE_TYPE.float32, all));
    const gradient = backend.convert(wide, type);
    backend.release(wide);
    return gradient;
  });
}

/** Returns every `stride`-th pixel of the padded image, in both directions. */
function subsampled({ backend, attrs }: FilterGradientCall, x: tf.TensorInfo, stride: number): tf.TensorInfo {
  const { pad } = attrs;
  if (typeof pad !== 'object' || pad.flat().some((pixels) => pixels !== 0)) {
    throw new Error('A 1x1 convolution pads nothing');
  }
  const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
  if (height % stride === 0 && width % stride === 0) {
    // A plain slice of reshaped rows and pixels is faster than a strided slice. See docs/performance.md.
    const type = { type: backend.typeOf(x) };
    const [rows, columns] = [height / stride, width / stride];
    const reshape = (image: tf.TensorInfo, shape: readonly number[]) =>
      backend.run('Reshape', { T: type, Tshape: INT32 }, [image, integers(shape)]);
    const grouped = reshape(x, [batch * rows, stride, columns, stride * channels]);
    const first = backend.run('Slice', { T: type, Index: INT32 }, [
      grouped,
      integers([0, 0, 0, 0]),
      integers([batch * rows, 1, columns, channels]),
    ]);
    const seen = reshape(first, [batch, rows, columns, channels]);
    backend.release(grouped, first);
    return seen;
  }
  return backend.run(
    'StridedSlice',
    {
      T: { type: backend.typeOf(x) },
      Index: INT32,
      begin_mask: { int: 0 },
      end_mask: { int: 0 },
      ellipsis_mask: { int: 0 },
      new_axis_mask: { int: 0 },
      shrink_axis_mask: { int: 0 },
    },
    [x, integers([0, 0, 0, 0]), integers(x.shape), integers([1, stride, stride, 1])],
  );
}

/** Returns whether each filter tap meets an image pixel somewhere. On a 1x1 image, some taps may not. */
function everyTapMeetsTheImage(info: tf.backend_util.Conv2DInfo): boolean {
  const { padInfo, strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  const allMeet = (
    taps: number,
    dilation: number,
    outputs: number,
    stride: number,
    before: number,
    extent: number,
  ) =>
    Array.from({ length: taps }, (_, tap) => tap * dilation - before).every((offset) =>
      Array.from({ length: outputs }, (_, output) => output * stride + offset).some(
        (pixel) => pixel >= 0 && pixel < extent,
      ),
    );
  return (
    allMeet(info.filterHeight, dilationHeight, info.outHeight, strideHeight, padInfo.top, info.inHeight) &&
    allMeet(info.filterWidth, dilationWidth, info.outWidth, strideWidth, padInfo.left, info.inWidth)
  );
}

function depthwise(call: SlidingCall): tf.TensorInfo {
  const [x, filter] = [given(call, 'x'), given(call, 'filter')];
  const attributes = sliding(call, x.shape, filter.shape, true);
  return inOneFormat(call.backend, [x, filter], (type, inputs) =>
    call.backend.run('DepthwiseConv2dNative', { ...attributes, T: { type } }, inputs),
  );
}

/** Runs a depthwise convolution, with a bias and a ReLU if requested. */
function fusedDepthwise(call: Call<typeof tf.FusedDepthwiseConv2D>): tf.TensorInfo {
  const { backend, attrs, inputs } = call;
  const { bias } = inputs;
  const activation = attrs.activation ?? 'linear';
  if (activation !== 'linear' && activation !== 'relu') throw new Error(`There is no fused ${activation}`);
  let y = depthwise(call);
  const then = (op: string, more: readonly tf.TensorInfo[]) => {
    const before = y;
    y = inOneFormat(backend, [before, ...more], (type, all) => backend.run(op, { T: { type } }, all));
    backend.release(before);
  };
  if (bias) then('AddV2', [bias]);
  if (activation === 'relu') then('Relu', []);
  return y;
}

function product(call: Call<typeof tf.BatchMatMul>): tf.TensorInfo {
  const { backend, attrs } = call;
  const [a, b] = [given(call, 'a'), given(call, 'b')];
  const [transposeA, transposeB] = [attrs.transposeA ?? false, attrs.transposeB ?? false];
  return inOneFormat(backend, [a, b], (type, both) =>
    a.shape.length === 2 && b.shape.length === 2
      ? backend.run('MatMul', { T: { type }, transpose_a: transposeA, transpose_b: transposeB }, both)
      : backend.run('BatchMatMulV2', { T: { type }, adj_x: transposeA, adj_y: transposeB }, both),
  );
}
