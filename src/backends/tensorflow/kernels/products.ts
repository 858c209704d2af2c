import type * as tf from '@tensorflow/tfjs-core';
import type { Input, TensorflowBackend } from '../backend';
import { NATIVE_TYPE, type StoredType } from '../binding';
import { INT32, integers } from './register';

type Info = tf.backend_util.Conv2DInfo;

/**
 * Below this many weights, oneDNN's convolution is the faster one: before each, it puts the filter into an order of its
 * own, which takes longer than a convolution of few pixels.
 */
const LARGE_FILTER = 2 ** 19;

/** So many channels to a pixel make up for gathering windows, whose work grows with the pixels of the image. */
const CHANNELS_PER_PIXEL = 4;

/**
 * An ungrouped convolution and its gradients as matrix products on the processor: of pixels by weights for a filter of
 * one pixel, of windows by weights for a large filter on a small image. Measured on ResNet-50's at 64x64, batch 32:
 * by pixels they take 0.7 of the time that oneDNN's convolutions do in float32, 0.3 in bfloat16; by windows of 2x2
 * images 0.3 and 0.2.
 */
export class ConvolutionProduct {
  private constructor(
    private readonly backend: TensorflowBackend,
    private readonly type: StoredType,
    private readonly info: Info,
  ) {}

  /** Null where the convolution is better left one. */
  static of(backend: TensorflowBackend, type: StoredType, info: Info): ConvolutionProduct | null {
    if (backend.isOnGpu) return null;
    return isByPixels(info) || isByWindows(info) ? new ConvolutionProduct(backend, type, info) : null;
  }

  /** Whether an input's gradient is summed once, in float32: windows' are rounded before they are added up. */
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

  /** The output as a matrix: [batch * pixels, channels]. */
  get #rows(): number[] {
    const { batchSize, outHeight, outWidth, outChannels } = this.info;
    return [batchSize * outHeight * outWidth, outChannels];
  }

  /** Each image's windows one after another: [batch, pixels of the output * taps, channels]. */
  get #gathered(): number[] {
    const { batchSize, outHeight, outWidth, filterHeight, filterWidth, inChannels } = this.info;
    return [batchSize, outHeight * outWidth * filterHeight * filterWidth, inChannels];
  }

  #matrix(filter: tf.TensorInfo): tf.TensorInfo {
    const { filterHeight, filterWidth, inChannels, outChannels } = this.info;
    return this.#reshaped(filter, [filterHeight * filterWidth * inChannels, outChannels]);
  }

  /** What the filter meets, a row for each pixel of the output: [batch * pixels, taps * channels]. */
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

  /** From each image's pixels to its windows' or, `transposed`, from these to their sums by pixel. */
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

  /** What `compute` returns, without what it owned on the way. */
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

/** Whether each pixel of the output is made of one of the input, the same. */
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

/** Which pixel each tap of each window is, as a matrix of ones and zeros: [1, windows * taps, pixels]. */
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

/** By window along one axis, the pixels that its taps meet; outside the image as well. */
function tapsOf(windows: number, stride: number, taps: number, dilation: number, before: number): number[][] {
  return Array.from({ length: windows }, (_, window) =>
    Array.from({ length: taps }, (_, tap) => window * stride - before + tap * dilation),
  );
}
