import type * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from '../backend';
import type { Attributes } from '../recording';
import { INT32, integers, scalar } from './register';

type Padding = Pick<tf.backend_util.PadInfo, 'top' | 'bottom' | 'left' | 'right'>;

/** How a window slides over an image, along one axis. */
interface Extent {
  readonly input: number;
  readonly output: number;
  /** Extent of the window from its first pixel to its last, dilation included. */
  readonly window: number;
  readonly stride: number;
}

/** TensorFlow's name for a padding. More of its kernels support the named ones than `EXPLICIT`. */
export type PaddingName = 'VALID' | 'SAME' | 'EXPLICIT';

function paddingName(padding: Padding, rows: Extent, columns: Extent): PaddingName {
  const { top, bottom, left, right } = padding;
  if (top === 0 && bottom === 0 && left === 0 && right === 0) return 'VALID';
  return isSame(rows, top, bottom) && isSame(columns, left, right) ? 'SAME' : 'EXPLICIT';
}

/** Returns whether this is TensorFlow's SAME padding: ceil(input / stride) outputs, the odd pixel after the image. */
function isSame({ input, output, window, stride }: Extent, before: number, after: number): boolean {
  const total = Math.max((Math.ceil(input / stride) - 1) * stride + window - input, 0);
  return output === Math.ceil(input / stride) && before === Math.floor(total / 2) && before + after === total;
}

/** Returns the attributes of an op that slides over NHWC images. */
export function slidingAttributes(
  info: Pick<
    tf.backend_util.Conv2DInfo,
    | 'inHeight'
    | 'inWidth'
    | 'outHeight'
    | 'outWidth'
    | 'effectiveFilterHeight'
    | 'effectiveFilterWidth'
    | 'strideHeight'
    | 'strideWidth'
    | 'dilationHeight'
    | 'dilationWidth'
    | 'padInfo'
  >,
): Attributes & { readonly padding: PaddingName } {
  const { top, bottom, left, right } = info.padInfo;
  const rows: Extent = {
    input: info.inHeight,
    output: info.outHeight,
    window: info.effectiveFilterHeight,
    stride: info.strideHeight,
  };
  const columns: Extent = {
    input: info.inWidth,
    output: info.outWidth,
    window: info.effectiveFilterWidth,
    stride: info.strideWidth,
  };
  const padding = paddingName(info.padInfo, rows, columns);
  return {
    padding,
    strides: [1, info.strideHeight, info.strideWidth, 1],
    dilations: [1, info.dilationHeight, info.dilationWidth, 1],
    data_format: 'NHWC',
    explicit_paddings: padding === 'EXPLICIT' ? [0, 0, top, bottom, left, right, 0, 0] : [],
  };
}

/** The padding attributes for an image that is already padded. */
export const VALID = { padding: 'VALID', explicit_paddings: [] } as const;

type ImageInfo = tf.backend_util.Conv2DInfo;

/** Returns the shape of an image with its padding. */
export function paddedShape({ batchSize, inHeight, inWidth, inChannels, padInfo }: ImageInfo): number[] {
  const { top, bottom, left, right } = padInfo;
  return [batchSize, inHeight + top + bottom, inWidth + left + right, inChannels];
}

/** Calls `compute` with the padded image, and releases that afterwards. */
export function padded(
  backend: TensorflowBackend,
  x: tf.TensorInfo,
  { padInfo: { top, bottom, left, right } }: ImageInfo,
  value: number,
  compute: (image: tf.TensorInfo) => tf.TensorInfo,
): tf.TensorInfo {
  const type = backend.typeOf(x);
  const image = backend.run('PadV2', { T: { type }, Tpaddings: INT32 }, [
    x,
    { integers: [0, 0, top, bottom, left, right, 0, 0], shape: [4, 2] },
    scalar(value, type),
  ]);
  const y = compute(image);
  backend.release(image);
  return y;
}

/** Returns an image without its padding. Releases the padded one. */
export function cropped(backend: TensorflowBackend, image: tf.TensorInfo, info: ImageInfo): tf.TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, padInfo } = info;
  const x = backend.run('Slice', { T: { type: backend.typeOf(image) }, Index: INT32 }, [
    image,
    integers([0, padInfo.top, padInfo.left, 0]),
    integers([batchSize, inHeight, inWidth, inChannels]),
  ]);
  backend.release(image);
  return x;
}
