import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { heapOf } from './heap';

/**
 * Replaces the wasm backend's pool gradients, which are much slower. See docs/performance.md. The backend's max pool
 * gradient also misses maxima that are not positive. Here the first of equal values in a window gets the gradient, as
 * in PyTorch and TensorFlow.
 */
export function registerPoolGradients(): void {
  register(tf.MaxPoolGrad, ({ dy, input, output }, { channels, eachWindow }, dInput) => {
    eachWindow((pixel, pixels, count) => {
      for (let channel = 0; channel < channels; channel++) {
        const maximum = output[pixel + channel]!;
        for (let index = 0; index < count; index++) {
          const place = pixels[index]! + channel;
          if (input[place] === maximum) {
            dInput[place] = dInput[place]! + dy[pixel + channel]!;
            break;
          }
        }
      }
    });
  });
  register(tf.AvgPoolGrad, ({ dy }, { channels, size, eachWindow }, dInput) => {
    eachWindow((pixel, pixels, count) => {
      for (let index = 0; index < count; index++) {
        const place = pixels[index]!;
        for (let channel = 0; channel < channels; channel++) {
          dInput[place + channel] = dInput[place + channel]! + dy[pixel + channel]! / size;
        }
      }
    });
  });
}

type Shape4D = [number, number, number, number];
type Values = Readonly<Record<'dy' | 'input' | 'output', Float32Array>>;

interface Windows {
  readonly channels: number;
  /** Pixels per window, padding included. */
  readonly size: number;
  /**
   * Calls `use` with the offset of each output pixel's values, the offsets of its window's pixels, and their number.
   */
  readonly eachWindow: (use: (pixel: number, pixels: Int32Array, count: number) => void) => void;
}

/** Registers a kernel that starts with a zero input gradient and adds the contribution of each output pixel. */
function register(
  kernelName: string,
  scatter: (values: Values, windows: Windows, dInput: Float32Array) => void,
): void {
  if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend: anyBackend }) => {
      const backend = anyBackend as BackendWasm;
      const shape = (inputs.input as tf.TensorInfo).shape as Shape4D;
      const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as tf.MaxPoolGradAttrs;
      const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
      const dx = backend.makeOutput(shape, 'float32');
      // After the allocation, which may move the heap.
      const { valuesOf } = heapOf(backend);
      const values = Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [name, valuesOf(tensor as tf.TensorInfo)]),
      ) as Values;
      const dInput = valuesOf(dx);
      dInput.fill(0);
      scatter(values, windowsOf(info), dInput);
      return dx;
    },
  });
}

function windowsOf(info: tf.backend_util.Conv2DInfo): Windows {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, inChannels: channels, padInfo } = info;
  const { filterHeight, filterWidth, strideHeight, strideWidth } = info;
  const size = filterHeight * filterWidth;
  const pixels = new Int32Array(size);
  return {
    channels,
    size,
    eachWindow: (use) => {
      for (let image = 0; image < batchSize; image++) {
        for (let row = 0; row < outHeight; row++) {
          const top = row * strideHeight - padInfo.top;
          const [firstRow, endRow] = [Math.max(top, 0), Math.min(top + filterHeight, inHeight)];
          for (let column = 0; column < outWidth; column++) {
            const left = column * strideWidth - padInfo.left;
            const [firstColumn, endColumn] = [Math.max(left, 0), Math.min(left + filterWidth, inWidth)];
            let count = 0;
            for (let inRow = firstRow; inRow < endRow; inRow++) {
              const line = (image * inHeight + inRow) * inWidth;
              for (let inColumn = firstColumn; inColumn < endColumn; inColumn++) {
                pixels[count++] = (line + inColumn) * channels;
              }
            }
            use(((image * outHeight + row) * outWidth + column) * channels, pixels, count);
          }
        }
      }
    },
  };
}
