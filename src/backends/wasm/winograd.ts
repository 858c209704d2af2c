import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import type { Origin } from '../ownKernels';
import { FLOAT_BYTES, heapOf } from './heap';
import { panelBytes } from './packing';
import { type Call, register } from './register';
import { assemble } from './winogradFunctions';
import { type Layout, layoutOf, POSITIONS, planeBytes, scratchFloats } from './winogradLayout';

/**
 * Registers Winograd's minimal filtering F(2x2, 3x3) for 3x3 convolutions at stride 1 (Lavin and Gray 2016, section
 * 4.1). A tile of 4x4 input pixels gives 2x2 output pixels with 16 multiplications instead of 36. Tiles are transformed
 * one block at a time, so that a transformed block stays in the CPU cache for the products that follow.
 *
 * Kernels of the wasm backend, called by ../../training/ops/convolution/winogradConv2d.ts:
 * - `WinogradConv2D`: takes x [batch, rows, columns, channels] and the kernel [3, 3, channels, filters], or the kernel
 *   [3, 3, filters, channels] rotated by 180 degrees. Returns [batch, height, width, filters].
 * - `WinogradKernelGradient`: takes x as above and dy [batch, height, width, filters]. Returns the gradient of the
 *   kernel.
 */
export function registerWinograd(memory: WebAssembly.Memory): void {
  const assembled = new Map<string, Functions>();
  const functionsOf = (layout: Layout): Functions => {
    const key = JSON.stringify(layout);
    const known = assembled.get(key) ?? assemble(memory, layout);
    assembled.set(key, known);
    return known;
  };
  register('WinogradConv2D', (call) => convolve(functionsOf, call));
  register('WinogradKernelGradient', (call) => differentiate(functionsOf, call));
}

type Functions = ReturnType<typeof assemble>;

/** Number of taps of a 3x3 kernel. */
const TAPS = 9;

function convolve(
  functionsOf: (layout: Layout) => Functions,
  { backend, inputs: { x, kernel }, attributes }: Call<'WinogradConv2D'>,
): tf.TensorInfo {
  const { height, width, isTurned, ...origin } = attributes;
  const [batch, , , channels] = x.shape;
  const filters = kernel.shape[isTurned ? 2 : 3];
  const rowsPerImage = Math.ceil(height / 2);
  const layout = layoutOf(channels, filters, width, batch * rowsPerImage);
  const { blockRows, capacity } = layout;
  const functions = functionsOf(layout);
  const { transformInput, multiplyBlock, transformOutput, transformLastOutput } = functions;

  const y = backend.makeOutput([batch, height, width, filters], 'float32');
  const kernelBytes = (POSITIONS * filters * panelBytes(channels, 8)) / 8;
  const tapsBytes = TAPS * panelBytes(channels, 8);
  const blockBytes = Math.max(scratchFloats(layout) * FLOAT_BYTES, tapsBytes);
  const padding = { tensor: x, rows: 4, columns: 2 * layout.tiles + 2, ...origin };
  const scratchBytes = kernelBytes + blockBytes + PaddedRows.bytes(padding);
  const scratch = backend.makeOutput([scratchBytes / FLOAT_BYTES], 'float32');
  const { addressOf } = heapOf(backend);
  const kernelAddress = addressOf(scratch);
  const transformed = kernelAddress + kernelBytes;
  const products = transformed + POSITIONS * planeBytes(capacity, channels);
  const rows = new PaddedRows(backend, functions.copy, padding, transformed + blockBytes);
  const outputRow = width * filters * FLOAT_BYTES;
  // The memory of the first block serves as scratch for a kernel panel before that.
  transformPanels(functions, layout, addressOf(kernel), isTurned, transformed, kernelAddress);

  for (let first = 0; first < batch * rowsPerImage; first += blockRows) {
    const end = Math.min(first + blockRows, batch * rowsPerImage);
    for (let row = first; row < end; row++) {
      const image = Math.floor(row / rowsPerImage);
      const offset = (row - first) * layout.tiles * channels * FLOAT_BYTES;
      transformInput(rows.at(image, 2 * (row % rowsPerImage)), transformed + offset);
    }
    multiplyBlock(transformed, kernelAddress, products, Math.ceil(((end - first) * layout.tiles) / 4));
    for (let row = first; row < end; row++) {
      const image = Math.floor(row / rowsPerImage);
      const pixelRow = 2 * (row % rowsPerImage);
      const offset = (row - first) * layout.tiles * filters * FLOAT_BYTES;
      const transform = pixelRow + 1 < height ? transformOutput : transformLastOutput;
      transform(products + offset, addressOf(y) + (image * height + pixelRow) * outputRow);
    }
  }
  backend.disposeData(scratch.dataId);
  return y;
}

/** Transforms a kernel, 8 columns at a time, through scratch memory for one panel. */
function transformPanels(
  { packColumns, packTransposed, transformKernel }: Functions,
  { channels, filters }: Layout,
  kernel: number,
  isTurned: boolean,
  room: number,
  transformed: number,
): void {
  const tap = channels * filters * FLOAT_BYTES;
  const panel = panelBytes(channels, 8);
  for (let first = 0; first < filters; first += 8) {
    for (let pixel = 0; pixel < TAPS; pixel++) {
      const packed = room + pixel * panel;
      if (isTurned) {
        const rowBytes = channels * FLOAT_BYTES;
        packTransposed(kernel + (8 - pixel) * tap + first * rowBytes, rowBytes, channels / 4, 1, packed);
      } else {
        packColumns(kernel + pixel * tap + first * FLOAT_BYTES, filters * FLOAT_BYTES, channels, 1, packed);
      }
    }
    transformKernel(room, transformed + (first / 8) * panel);
  }
}

function differentiate(
  functionsOf: (layout: Layout) => Functions,
  { backend, inputs: { x, dy }, attributes: origin }: Call<'WinogradKernelGradient'>,
): tf.TensorInfo {
  const [batch, , , channels] = x.shape;
  const [, height, width, filters] = dy.shape;
  const rowsPerImage = Math.ceil(height / 2);
  const layout = layoutOf(channels, filters, width, batch * rowsPerImage);
  const { blockRows, capacity, tiles } = layout;
  const { transformInput, transformGradient, accumulateBlock, transformTotal, copy } = functionsOf(layout);

  const dKernel = backend.makeOutput([3, 3, channels, filters], 'float32');
  const totalFloats = (POSITIONS * planeBytes(channels, filters)) / FLOAT_BYTES;
  const inputs = { tensor: x, rows: 4, columns: 2 * tiles + 2, ...origin };
  const outputs = { tensor: dy, rows: 2, columns: 2 * tiles, top: 0, left: 0 };
  const blockFloats = scratchFloats(layout);
  const rowFloats = (PaddedRows.bytes(inputs) + PaddedRows.bytes(outputs)) / FLOAT_BYTES;
  const scratch = backend.makeOutput([totalFloats + blockFloats + rowFloats], 'float32');
  backend.typedArrayFromHeap(scratch).fill(0, 0, totalFloats);
  const { addressOf } = heapOf(backend);
  const total = addressOf(scratch);
  const transformed = total + totalFloats * FLOAT_BYTES;
  const gradients = transformed + POSITIONS * planeBytes(capacity, channels);
  const room = transformed + blockFloats * FLOAT_BYTES;
  const xRows = new PaddedRows(backend, copy, inputs, room);
  const dyRows = new PaddedRows(backend, copy, outputs, room + PaddedRows.bytes(inputs));

  for (let first = 0; first < batch * rowsPerImage; first += blockRows) {
    const end = Math.min(first + blockRows, batch * rowsPerImage);
    for (let row = first; row < end; row++) {
      const image = Math.floor(row / rowsPerImage);
      const pixelRow = 2 * (row % rowsPerImage);
      const tile = (row - first) * tiles * FLOAT_BYTES;
      transformInput(xRows.at(image, pixelRow), transformed + tile * channels);
      transformGradient(dyRows.at(image, pixelRow), gradients + tile * filters);
    }
    accumulateBlock(transformed, gradients, total, (end - first) * tiles);
  }
  transformTotal(total, addressOf(dKernel));
  backend.disposeData(scratch.dataId);
  return dKernel;
}

/** Some rows of images, and the zeros around them. */
interface Padding extends Origin {
  readonly tensor: tf.TensorInfo;
  readonly rows: number;
  readonly columns: number;
}

/** Copies rows of images into a buffer with zeros around them. Padding whole images would take longer. */
class PaddedRows {
  readonly #image: number;

  /** Size of the buffer in bytes. */
  static bytes({ tensor, rows, columns }: Padding): number {
    return (rows + 1) * columns * (tensor.shape[3] as number) * FLOAT_BYTES;
  }

  constructor(
    backend: BackendWasm,
    private readonly copy: (...parameters: number[]) => void,
    private readonly padding: Padding,
    private readonly room: number,
  ) {
    this.#image = backend.getMemoryOffset(padding.tensor.dataId);
    const bytes = new Uint8Array(backend.typedArrayFromHeap(padding.tensor).buffer);
    bytes.fill(0, room, room + PaddedRows.bytes(padding));
  }

  /** Returns the address of an image's rows, starting at a row of the padded image. Valid until the next call. */
  at(image: number, first: number): number {
    const { tensor, rows, columns, top, left } = this.padding;
    const [, height = 0, width = 0, channels = 0] = tensor.shape;
    const pixel = channels * FLOAT_BYTES;
    // The last row stays zero.
    const zeros = this.room + rows * columns * pixel;
    for (let index = 0; index < rows; index++) {
      const row = first + index - top;
      const isInside = row >= 0 && row < height;
      const from = isInside ? this.#image + (image * height + row) * width * pixel : zeros;
      this.copy(from, this.room + (index * columns + left) * pixel, (width * channels) / 4);
    }
    return this.room;
  }
}
