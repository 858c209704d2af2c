import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../../models/graph';
import {
  add,
  advance,
  advanceBy,
  type Code,
  type FunctionBuilder,
  type FunctionSource,
  get,
  instantiate,
  load,
  loadInteger,
  loadSplat,
  multiply,
  set,
  store,
} from './assembler';
import { FLOAT_BYTES, heapOf } from './heap';
import { GAP_BYTES, packColumns, packRows, packTransposed, panelBytes, transpose } from './packing';
import { type Call, register } from './register';

/**
 * Registers convolutions as matrix products whose rows are pixels, read from wherever they are in memory (Dukhan 2019,
 * 'The Indirect Convolution Algorithm'). Each kernel tap pairs output pixels with input pixels. If it meets padding,
 * there is no pair and no work. Over its pairs,
 *
 *     output's row += input's row x kernel
 *     input gradient's row += output gradient's row x transposed kernel
 *     kernel's gradient += transposed input rows x output gradient's rows
 *
 * Kernels of the wasm backend, called by ../../training/ops/convolution/indirectConv2d.ts. The numbers of channels and
 * filters must be multiples of eight:
 * - `IndirectConv2D`: takes x [batch, height, width, channels] and kernel [height, width, channels, filters]. Returns
 *   the output.
 * - `IndirectInputGradient`: takes dy [batch, height, width, filters] and the kernel. Returns the gradient of x.
 * - `IndirectKernelGradient`: takes x and dy. Returns the gradient of the kernel.
 */
export function registerIndirectConv2d(memory: WebAssembly.Memory): void {
  const functions = assemble(memory);
  const engineOf = ({ backend }: { readonly backend: BackendWasm }) => ({ backend, memory, functions });
  register('IndirectConv2D', (call) => convolve(engineOf(call), call));
  register('IndirectInputGradient', (call) => differentiateInput(engineOf(call), call));
  register('IndirectKernelGradient', (call) => differentiateKernel(engineOf(call), call));
}

interface Engine {
  readonly backend: BackendWasm;
  readonly memory: WebAssembly.Memory;
  readonly functions: ReturnType<typeof assemble>;
}

type Shape4D = [number, number, number, number];
type Info4D = tf.TensorInfo & { readonly shape: Shape4D };

interface Window {
  readonly stride: number;
  readonly padding: Padding;
}

/** Size of a packed right-hand side, in values: half a megabyte, which fits into an L2 cache. */
const BLOCK_FLOATS = 2 ** 17;

/** Returns how many rows of a right-hand side to pack at a time, a multiple of 8. */
function blockRows(columns: number): number {
  return Math.min(Math.max(Math.floor(BLOCK_FLOATS / columns / 8) * 8, 64), 512);
}

function convolve(
  engine: Engine,
  { inputs: { x, kernel }, attributes }: Call<'IndirectConv2D'>,
): tf.TensorInfo {
  const { height, width, ...window } = attributes;
  const filters = kernel.shape[3];
  const output: Shape4D = [x.shape[0], height, width, filters];
  const pairing = new Pairing(x.shape, output, window);
  return multiplied(engine, x, kernel, output, {
    pairs: (row, column) => pairing.at(row, column),
    pack: (tap, first, rows, right) => {
      const rowBytes = filters * FLOAT_BYTES;
      engine.functions.packColumns(tap + first * rowBytes, rowBytes, rows, filters / 8, right);
    },
  });
}

function differentiateInput(
  engine: Engine,
  { inputs: { dy, kernel }, attributes }: Call<'IndirectInputGradient'>,
): tf.TensorInfo {
  const { inputShape, ...window } = attributes;
  const [, , channels, filters] = kernel.shape;
  const pairing = new Pairing(inputShape, dy.shape, window);
  return multiplied(engine, dy, kernel, inputShape, {
    pairs: (row, column) => {
      const { inputs, outputs, count } = pairing.at(row, column);
      return { inputs: outputs, outputs: inputs, count };
    },
    pack: (tap, first, rows, right) => {
      const filterBytes = filters * FLOAT_BYTES;
      engine.functions.packTransposed(tap + first * FLOAT_BYTES, filterBytes, rows / 4, channels / 8, right);
    },
  });
}

/** The pixels that a kernel tap pairs, as indices into all pixels of all images. */
interface Pairs {
  readonly inputs: Int32Array;
  readonly outputs: Int32Array;
  readonly count: number;
}

/** Pairs the pixels of inputs and outputs. */
class Pairing {
  readonly #inputs: Int32Array;
  readonly #outputs: Int32Array;

  constructor(
    private readonly input: Shape4D,
    private readonly output: Shape4D,
    private readonly window: Window,
  ) {
    const [batch, height, width] = output;
    this.#inputs = new Int32Array(batch * height * width);
    this.#outputs = new Int32Array(batch * height * width);
  }

  /** Maximum number of pairs. */
  get most(): number {
    return this.#inputs.length;
  }

  /** Returns the pairs of a kernel tap, valid until the next call. */
  at(kernelRow: number, kernelColumn: number): Pairs {
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    const [batch, height, width] = this.input;
    const [, outHeight, outWidth] = this.output;
    const { stride, padding } = this.window;
    let count = 0;
    for (let image = 0; image < batch; image++) {
      for (let outRow = 0; outRow < outHeight; outRow++) {
        const row = outRow * stride + kernelRow - padding.top;
        if (row < 0 || row >= height) continue;
        for (let outColumn = 0; outColumn < outWidth; outColumn++) {
          const column = outColumn * stride + kernelColumn - padding.left;
          if (column < 0 || column >= width) continue;
          inputs[count] = (image * height + row) * width + column;
          outputs[count++] = (image * outHeight + outRow) * outWidth + outColumn;
        }
      }
    }
    return { inputs, outputs, count };
  }
}

interface Product {
  pairs(row: number, column: number): Pairs;
  /** Packs some rows of the right-hand side that belongs to the kernel tap at address `tap`. */
  pack(tap: number, first: number, rows: number, packed: number): void;
}

/** Returns an image of `shape`. Each pixel is the sum, over its pairs, of the other pixel's row times a matrix. */
function multiplied(
  { backend, memory, functions }: Engine,
  x: Info4D,
  kernel: Info4D,
  shape: Shape4D,
  { pairs, pack }: Product,
): tf.TensorInfo {
  const [kernelHeight, kernelWidth, channels, filters] = kernel.shape;
  const [depth, columns] = [x.shape[3], shape[3]];
  const block = Math.min(blockRows(columns), depth);
  const y = backend.makeOutput(shape, 'float32');
  backend.typedArrayFromHeap(y).fill(0);
  // The addresses of pairs, the right-hand side, four rows of the left-hand side, and a dummy row for missing pixels.
  const pixels = Math.max(tf.util.sizeFromShape(x.shape) / depth, tf.util.sizeFromShape(shape) / columns);
  const words = Math.ceil(pixels / 4) * 8;
  const rightFloats = ((columns / 8) * panelBytes(block, 8)) / FLOAT_BYTES;
  const scratch = backend.makeOutput([words + rightFloats + 4 * block + columns], 'float32');
  const { addressOf } = heapOf(backend);
  const addresses = addressOf(scratch);
  const right = addresses + words * FLOAT_BYTES;
  const left = right + rightFloats * FLOAT_BYTES;
  const nowhere = left + 4 * block * FLOAT_BYTES;
  const ofPairs = new Int32Array(memory.buffer, addresses, words);
  const [from, to] = [addressOf(x), addressOf(y)];
  for (let pixel = 0; pixel < kernelHeight * kernelWidth; pixel++) {
    const { inputs, outputs, count } = pairs(Math.floor(pixel / kernelWidth), pixel % kernelWidth);
    if (count === 0) continue;
    const tiles = Math.ceil(count / 4);
    for (let pair = 0; pair < 4 * tiles; pair++) {
      // Four inputs, then their four outputs.
      const place = 2 * pair - (pair % 4);
      const isOne = pair < count;
      ofPairs[place] = from + (isOne ? (inputs[pair] as number) * depth * FLOAT_BYTES : 0);
      ofPairs[place + 4] = isOne ? to + (outputs[pair] as number) * columns * FLOAT_BYTES : nowhere;
    }
    const tap = addressOf(kernel) + pixel * channels * filters * FLOAT_BYTES;
    for (let first = 0; first < depth; first += block) {
      const rows = Math.min(block, depth - first);
      pack(tap, first, rows, right);
      const offset = first * FLOAT_BYTES;
      functions.multiplyRows(addresses, tiles, offset, left, right, rows, rows / 4, columns / 8);
    }
  }
  backend.disposeData(scratch.dataId);
  return y;
}

function differentiateKernel(
  { backend, memory, functions }: Engine,
  { inputs: { x, dy }, attributes }: Call<'IndirectKernelGradient'>,
): tf.TensorInfo {
  const { kernelShape, ...window } = attributes;
  const [kernelHeight, kernelWidth, channels, filters] = kernelShape;
  const pairing = new Pairing(x.shape, dy.shape, window);
  const block = Math.min(blockRows(Math.max(filters, channels / 2)), pairing.most);
  const dKernel = backend.makeOutput(kernelShape, 'float32');
  backend.typedArrayFromHeap(dKernel).fill(0);
  const leftBytes = (channels / 4) * panelBytes(block, 4);
  const rightBytes = (filters / 8) * panelBytes(block, 8);
  const scratch = backend.makeOutput([2 * block + (leftBytes + rightBytes) / FLOAT_BYTES], 'float32');
  const { addressOf } = heapOf(backend);
  const addresses = addressOf(scratch);
  const dAddresses = addresses + block * FLOAT_BYTES;
  const left = dAddresses + block * FLOAT_BYTES;
  const right = left + leftBytes;
  const ofPairs = new Int32Array(memory.buffer, addresses, 2 * block);
  const [xRow, dyRow] = [channels * FLOAT_BYTES, filters * FLOAT_BYTES];
  const [from, dFrom] = [addressOf(x), addressOf(dy)];
  for (let pixel = 0; pixel < kernelHeight * kernelWidth; pixel++) {
    const { inputs, outputs, count } = pairing.at(Math.floor(pixel / kernelWidth), pixel % kernelWidth);
    const tap = addressOf(dKernel) + pixel * channels * dyRow;
    for (let first = 0; first < count; first += block) {
      const rows = Math.min(block, count - first);
      for (let pair = 0; pair < rows; pair++) {
        ofPairs[pair] = from + (inputs[first + pair] as number) * xRow;
        ofPairs[block + pair] = dFrom + (outputs[first + pair] as number) * dyRow;
      }
      const leftPanel = panelBytes(rows, 4);
      functions.packRows4(addresses, rows, channels / 4, leftPanel, left);
      functions.packRows8(dAddresses, rows, filters / 8, panelBytes(rows, 8), right);
      functions.multiplyPanels(left, channels / 4, leftPanel, right, tap, dyRow, rows, filters / 8);
    }
  }
  backend.disposeData(scratch.dataId);
  return dKernel;
}

function assemble(memory: WebAssembly.Memory) {
  return instantiate(memory, {
    packRows4: packRows(4),
    packRows8: packRows(8),
    packColumns,
    packTransposed,
    multiplyRows,
    multiplyPanels,
  });
}

/**
 * Parameters: for each group of four pairs, the addresses of the left rows and of the rows that the products are added
 * to; the number of groups; the byte offset into the left rows; scratch for four left rows; the packed right-hand side,
 * its rows, its rows divided by four, and its panels.
 */
const multiplyRows: FunctionSource = {
  parameters: 8,
  body: (f, addresses, tiles, offset, left, right, rows, fours, panels) => {
    const from = [f.address(), f.address(), f.address(), f.address()];
    const to = [f.address(), f.address(), f.address(), f.address()];
    const packed = f.address();
    return f.repeat(
      { local: tiles },
      ...from.map((row, index) => [
        ...set(row, loadInteger(addresses, 4 * index)),
        ...advanceBy(row, offset),
      ]),
      ...to.map((row, index) => set(row, loadInteger(addresses, 16 + 4 * index))),
      set(packed, get(left)),
      f.repeat(
        { local: fours },
        transpose(
          f,
          from.map((row) => load(row, 0)),
          (column, value) => store(packed, 16 * column, value),
        ),
        ...from.map((row) => advance(row, 16)),
        advance(packed, 64),
      ),
      addProducts(f, left, right, to, rows, panels),
      advance(addresses, 32),
    );
  },
};

/**
 * Parameters: the packed left-hand side, its panels of 4, and their stride in bytes; the packed right-hand side; the
 * rows that the products are added to, and their stride in bytes; the rows of both sides; the right panels.
 */
const multiplyPanels: FunctionSource = {
  parameters: 8,
  body: (f, left, tiles, leftStride, right, output, outputStride, rows, panels) => {
    const to = [f.address(), f.address(), f.address(), f.address()];
    return f.repeat(
      { local: tiles },
      ...to.map((row) => [...set(row, get(output)), ...advanceBy(output, outputStride)]),
      addProducts(f, left, right, to, rows, panels),
      advanceBy(left, leftStride),
    );
  },
};

/**
 * Adds the product of a left panel, transposed, and all right panels to 4 rows, 8 columns at a time. The sums stay in
 * registers.
 */
function addProducts(
  f: FunctionBuilder,
  left: number,
  right: number,
  to: readonly number[],
  rows: number,
  panels: number,
): Code {
  const [factors, columns] = [f.address(), f.address()];
  const sums = to.flatMap((row) => f.vectors(2).map((sum, half) => ({ row, sum, offset: 16 * half })));
  const vectors = f.vectors(2);
  const factor = f.vectors(1)[0] as number;
  return [
    ...set(columns, get(right)),
    ...f.repeat(
      { local: panels },
      set(factors, get(left)),
      ...sums.map(({ row, sum, offset }) => set(sum, load(row, offset))),
      f.repeat(
        { local: rows },
        ...vectors.map((vector, half) => set(vector, load(columns, 16 * half))),
        ...to.map((_, row) => [
          ...set(factor, loadSplat(factors, FLOAT_BYTES * row)),
          ...vectors.flatMap((vector, half) => {
            const { sum } = sums[2 * row + half] as { sum: number };
            return set(sum, add(get(sum), multiply(get(factor), get(vector))));
          }),
        ]),
        advance(factors, 16),
        advance(columns, 32),
      ),
      ...sums.map(({ row, sum, offset }) => store(row, offset, get(sum))),
      ...to.map((row) => advance(row, 32)),
      advance(columns, GAP_BYTES),
    ),
  ];
}
