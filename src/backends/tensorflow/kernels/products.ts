import type * as tf from '@tensorflow/tfjs-core';
import type { Input, TensorflowBackend } from '../backend';
import { NATIVE_TYPE, type StoredType } from '../binding';
import { INT32, integers } from './register';

type Info = tf.backend_util.Conv2DInfo;

/**
 * Below this number of weights, oneDNN's convolution is faster than a product. oneDNN reorders the filter before each
 * convolution, and for a large filter on few pixels that takes longer than the convolution.
 */
const LARGE_FILTER = 2 ** 19;

/**
 * With this many channels per pixel, a product is worth the gathering of windows, whose cost grows with the pixels of
 * the image.
 */
const CHANNELS_PER_PIXEL = 4;

/**
 * An ungrouped convolution and its gradients as matrix products on the CPU: pixels times weights for a 1x1 filter,
 * windows times weights for a large filter on a small image. Faster than oneDNN's convolutions on those of ResNet-50,
 * most of all in bfloat16. See docs/performance.md.
 */
export class ConvolutionProduct {
  private constructor(
    private readonly backend: TensorflowBackend,
    private readonly type: StoredType,
    private readonly info: Info,
  ) {}

  /** Returns null if the convolution should stay a convolution. */
  static of(backend: TensorflowBackend, type: StoredType, info: Info): ConvolutionProduct | null {
    if (backend.isOnGpu) return null;
    return isByPixels(info) || isByWindows(info) ? new ConvolutionProduct(backend, type, info) : null;
  }

  /**
   * Whether an input gradient is summed once, in float32. The gradients of windows are rounded before they are added.
   */
  get roundsInputGradientOnce(): boolean {
    return this.type === NATIVE_TYPE.float32 || isByPixels(this.info);
  }

  forward(x: tf.TensorInfo, filter: tf.TensorInfo): tf.TensorInfo {
    return this.#scoped((own) =>
      this.#reshaped(
        own(this.#product(own(this.#windows(x)), own(this.#matrix(filter)), false, false)),
        this.info.outShape,
      ),
    );
  }

  inputGradient(dy: tf.TensorInfo, filter: tf.TensorInfo): tf.TensorInfo {
    const { inShape } = this.info;
    return this.#scoped((own) => {
      const dWindows = own(
        this.#product(own(this.#reshaped(dy, this.#rows)), own(this.#matrix(filter)), false, true),
      );
      return isByPixels(this.info)
        ? this.#reshaped(dWindows, inShape)
        : this.#reshaped(own(this.#gather(own(this.#reshaped(dWindows, this.#gathered)), true)), inShape);
    });
  }

  filterGradient(x: tf.TensorInfo, dy: tf.TensorInfo): tf.TensorInfo {
    return this.#scoped((own) =>
      this.#reshaped(
        own(this.#product(own(this.#windows(x)), own(this.#reshaped(dy, this.#rows)), true, false)),
        this.info.filterShape,
      ),
    );
  }

  /** Shape of the output as a matrix: [batch * pixels, channels]. */
  get #rows(): number[] {
    const { batchSize, outHeight, outWidth, outChannels } = this.info;
    return [batchSize * outHeight * outWidth, outChannels];
  }

  /** Shape of the windows of each image, in sequence: [batch, output pixels * taps, channels]. */
  get #gathered(): number[] {
    const { batchSize, outHeight, outWidth, filterHeight, filterWidth, inChannels } = this.info;
    return [batchSize, outHeight * outWidth * filterHeight * filterWidth, inChannels];
  }

  #matrix(filter: tf.TensorInfo): tf.TensorInfo {
    const { filterHeight, filterWidth, inChannels, outChannels } = this.info;
    return this.#reshaped(filter, [filterHeight * filterWidth * inChannels, outChannels]);
  }

  /** Returns the windows, one row per output pixel: [batch * pixels, taps * channels]. */
  #windows(x: tf.TensorInfo): tf.TensorInfo {
    const { batchSize, inHeight, inWidth, inChannels, filterHeight, filterWidth } = this.info;
    const [rows = 0] = this.#rows;
    const shape = [rows, filterHeight * filterWidth * inChannels];
    if (isByPixels(this.info)) return this.#reshaped(x, shape);
    return this.#scoped((own) => {
      const pixels = own(this.#reshaped(x, [batchSize, inHeight * inWidth, inChannels]));
      return this.#reshaped(own(this.#gather(pixels, false)), shape);
    });
  }

  /** Maps the pixels of each image to its windows or, if `transposed`, sums the windows per pixel. */
  #gather(x: tf.TensorInfo, transposed: boolean): tf.TensorInfo {
    return this.backend.run('BatchMatMulV2', { T: { type: this.type }, adj_x: transposed, adj_y: false }, [
      gathering(this.info, this.type),
      x,
    ]);
  }

  #product(a: tf.TensorInfo, b: tf.TensorInfo, transposeA: boolean, transposeB: boolean): tf.TensorInfo {
    const attributes = { T: { type: this.type }, transpose_a: transposeA, transpose_b: transposeB };
    return this.backend.run('MatMul', attributes, [a, b]);
  }

  #reshaped(x: tf.TensorInfo, shape: readonly number[]): tf.TensorInfo {
    return this.backend.run('Reshape', { T: { type: this.type }, Tshape: INT32 }, [x, integers(shape)]);
  }

  /** Returns the result of `compute` and releases the intermediate tensors that it owned. */
  #scoped(compute: (own: (tensor: tf.TensorInfo) => tf.TensorInfo) => tf.TensorInfo): tf.TensorInfo {
    const owned: tf.TensorInfo[] = [];
    try {
      return compute((tensor) => {
        owned.push(tensor);
        return tensor;
      });
    } finally {
      this.backend.release(...owned);
    }
  }
}

/** Returns whether each output pixel depends only on the input pixel at the same position. */
function isByPixels({ filterHeight, filterWidth, strideHeight, strideWidth, padInfo }: Info): boolean {
  const { top, bottom, left, right } = padInfo;
  return filterHeight * filterWidth * strideHeight * strideWidth === 1 && top + bottom + left + right === 0;
}

function isByWindows({
  inHeight,
  inWidth,
  inChannels,
  outChannels,
  filterHeight,
  filterWidth,
}: Info): boolean {
  return (
    filterHeight * filterWidth * inChannels * outChannels >= LARGE_FILTER &&
    inHeight * inWidth * CHANNELS_PER_PIXEL <= Math.min(inChannels, outChannels)
  );
}

/** Returns the matrix of zeros and ones that maps pixels to the taps of all windows: [1, windows * taps, pixels]. */
function gathering(info: Info, type: StoredType): Input {
  const { inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  const { top, left } = padInfo;
  const shape = [1, outHeight * outWidth * filterHeight * filterWidth, inHeight * inWidth];
  const geometry = [shape, filterHeight, outHeight, inHeight, top, left, strideHeight, strideWidth];
  return {
    shape,
    type,
    name: `windows ${[...geometry, dilationHeight, dilationWidth]}`,
    floats: () =>
      tapsOf(outHeight, strideHeight, filterHeight, dilationHeight, top).flatMap((rows) =>
        tapsOf(outWidth, strideWidth, filterWidth, dilationWidth, left).flatMap((columns) =>
          rows.flatMap((row) =>
            columns.flatMap((column) =>
              Array.from({ length: inHeight * inWidth }, (_, pixel) =>
                Math.floor(pixel / inWidth) === row && pixel % inWidth === column ? 1 : 0,
              ),
            ),
          ),
        ),
      ),
  };
}

/** Returns, per window along one axis, the pixel positions of its taps. Positions may be outside the image. */
function tapsOf(windows: number, stride: number, taps: number, dilation: number, before: number): number[][] {
  return Array.from({ length: windows }, (_, window) =>
    Array.from({ length: taps }, (_, tap) => window * stride - before + tap * dilation),
  );
}
