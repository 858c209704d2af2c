import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import type { Origin } from '../ownKernels';
import {
  add,
  advance,
  type Code,
  type FunctionBuilder,
  type FunctionSource,
  get,
  instantiate,
  load,
  loadSplat,
  multiply,
  set,
  splat,
  store,
  subtract,
  zero,
} from './assembler';
import { FLOAT_BYTES, heapOf } from './heap';
import { GAP_BYTES, packColumns, packTransposed, panelBytes } from './packing';
import { type Call, register } from './register';

/**
 * Winograd's minimal filtering F(2x2, 3x3) for 3x3 convolutions at stride 1 (Lavin and Gray 2016, section 4.1): a
 * tile of 4x4 input pixels gives 2x2 output pixels by 16 multiplications instead of 36. Tiles are transformed a
 * block at a time, so that a transformed block stays in the processor's cache for the products that follow.
 *
 * Kernels of the wasm backend, called by ../../training/ops/convolution/winogradConv2d.ts:
 * - `WinogradConv2D`: x [batch, rows, columns, channels] and the kernel [3, 3, channels, filters] to [batch, height,
 *   width, filters]; or the kernel [3, 3, filters, channels], turned by half a turn.
 * - `WinogradKernelGradient`: x as above and dy [batch, height, width, filters] to the gradient of the kernel.
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

const TAPS = 9;
const POSITIONS = 16;
/** The size of a transformed block: half of a second-level cache. */
const BLOCK_BYTES = 256 * 1024;
/** Fewer tiles than this to a block, and reading the kernel takes longer than the products. */
const LEAST_TILES = 64;

interface Layout {
  readonly channels: number;
  readonly filters: number;
  /** Output pixels in a row: the last tile has one of its two when that is odd. */
  readonly width: number;
  /** Tiles in a row of tiles. */
  readonly tiles: number;
  /** Rows of tiles in a block. */
  readonly blockRows: number;
  /** Tiles there is room for in a block, a multiple of 4. */
  readonly capacity: number;
}

/** @param rows Rows of tiles in all images, which blocks share evenly. */
function layoutOf(channels: number, filters: number, width: number, rows: number): Layout {
  const tiles = Math.ceil(width / 2);
  const fitting = BLOCK_BYTES / (POSITIONS * FLOAT_BYTES * (channels + filters));
  const blocks = Math.ceil((rows * tiles) / Math.max(fitting, LEAST_TILES));
  const blockRows = Math.ceil(rows / blocks);
  const capacity = Math.ceil((blockRows * tiles) / 4) * 4;
  return { channels, filters, width, tiles, blockRows, capacity };
}

/**
 * Bytes from one position of a block to the next. A line more than it holds: strides that are powers of two would
 * put the 16 positions of a tile on the same few lines of the first-level cache.
 */
function planeBytes(capacity: number, depth: number): number {
  return capacity * depth * FLOAT_BYTES + GAP_BYTES;
}

/** Room for a block of transformed inputs and one of transformed outputs. */
function scratchFloats({ capacity, channels, filters }: Layout): number {
  return (POSITIONS * (planeBytes(capacity, channels) + planeBytes(capacity, filters))) / FLOAT_BYTES;
}

type Functions = ReturnType<typeof assemble>;

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
  // The room of the first block is that of a panel of the kernel before it.
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

/** Transforms a kernel, 8 columns at a time, from where it lies to where it goes, by way of room for a panel. */
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

/** Some rows of images, and zeros around these. */
interface Padding extends Origin {
  readonly tensor: tf.TensorInfo;
  readonly rows: number;
  readonly columns: number;
}

/** Copies rows of images to where zeros stand around them: an image that is padded as a whole would take longer. */
class PaddedRows {
  readonly #image: number;

  /** Bytes of room that it takes. */
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

  /** Where the rows of an image lie from one of the padded image on, until the next are asked for. */
  at(image: number, first: number): number {
    const { tensor, rows, columns, top, left } = this.padding;
    const [, height = 0, width = 0, channels = 0] = tensor.shape;
    const pixel = channels * FLOAT_BYTES;
    // The last row stays zeros.
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

function assemble(memory: WebAssembly.Memory, layout: Layout) {
  return instantiate(memory, {
    copy,
    packColumns,
    packTransposed,
    transformKernel: transformKernel(layout),
    transformInput: transformInput(layout),
    multiplyBlock: multiplyBlock(layout),
    transformOutput: transformOutput(layout, 2),
    transformLastOutput: transformOutput(layout, 1),
    transformGradient: transformGradient(layout),
    accumulateBlock: accumulateBlock(layout),
    transformTotal: transformTotal(layout),
  });
}

/** Parameters: where vectors lie, where they go, how many there are. */
const copy: FunctionSource = {
  parameters: 3,
  body: (f, from, to, vectors) =>
    f.repeat({ local: vectors }, store(to, 0, load(from, 0)), advance(from, 16), advance(to, 16)),
};

const half = splat(0x3f00_0000);

/** Parameters: a panel of each of the kernel's pixels, and where it begins in the transformed kernel's. */
function transformKernel({ channels, filters }: Layout): FunctionSource {
  const panel = panelBytes(channels, 8);
  return {
    parameters: 2,
    body: (f, taps, transformed) => {
      const vectors = alongBothAxes(
        f,
        3,
        ([a, b, c]) => [a, multiply(half, add(add(a, c), b)), multiply(half, subtract(add(a, c), b)), c],
        (i, j) => load(taps, (3 * i + j) * panel),
        (i, j, value) => store(transformed, (4 * i + j) * (filters / 8) * panel, value),
      );
      return f.repeat(2 * channels, vectors, advance(taps, 16), advance(transformed, 16));
    },
  };
}

/** Parameters: the gradient of the transformed kernel, and where that of the kernel goes. The transpose of the above. */
function transformTotal({ channels, filters }: Layout): FunctionSource {
  return {
    parameters: 2,
    body: (f, total, dKernel) => {
      const vectors = alongBothAxes(
        f,
        4,
        ([a, b, c, d]) => [
          add(a, multiply(half, add(b, c))),
          multiply(half, subtract(b, c)),
          add(multiply(half, add(b, c)), d),
        ],
        (i, j) => load(total, (4 * i + j) * planeBytes(channels, filters)),
        (i, j, value) => store(dKernel, (3 * i + j) * channels * filters * FLOAT_BYTES, value),
      );
      return f.repeat((channels * filters) / 4, vectors, advance(total, 16), advance(dKernel, 16));
    },
  };
}

/** Parameters: a row of input tiles, and where it begins in the transformed block [16, capacity, channels]. */
function transformInput({ channels, tiles, capacity }: Layout): FunctionSource {
  const pixel = channels * FLOAT_BYTES;
  const row = (2 * tiles + 2) * pixel;
  return {
    parameters: 2,
    body: (f, input, transformed) => {
      const vectors = alongBothAxes(
        f,
        4,
        ([a, b, c, d]) => [subtract(a, c), add(b, c), subtract(c, b), subtract(b, d)],
        (i, j) => load(input, i * row + j * pixel),
        (i, j, value) => store(transformed, (4 * i + j) * planeBytes(capacity, channels), value),
      );
      const step = [advance(input, 16), advance(transformed, 16)];
      // Past the channels of one pixel: a tile begins at every second one.
      return f.repeat(tiles, f.repeat(channels / 4, vectors, ...step), advance(input, pixel));
    },
  };
}

/** Parameters: a row of tiles in the products [16, capacity, filters], and where it begins in the output. */
function transformOutput({ filters, width, capacity }: Layout, rows: 1 | 2): FunctionSource {
  const pixel = filters * FLOAT_BYTES;
  return {
    parameters: 2,
    body: (f, products, output) => {
      const tile = (columns: 1 | 2) => {
        const vectors = alongBothAxes(
          f,
          4,
          ([a, b, c, d]) => [add(add(a, b), c), subtract(subtract(b, c), d)],
          (i, j) => load(products, (4 * i + j) * planeBytes(capacity, filters)),
          (i, j, value) => (i < rows && j < columns ? store(output, (i * width + j) * pixel, value) : []),
        );
        return f.repeat(filters / 4, vectors, advance(products, 16), advance(output, 16));
      };
      const whole = f.repeat(width >> 1, tile(2), advance(output, pixel));
      return width % 2 === 0 ? whole : [...whole, ...tile(1)];
    },
  };
}

/**
 * Parameters: a row of tiles of the output's gradient, and where it begins in the block [16, capacity, filters].
 * The transpose of the output's transform.
 */
function transformGradient({ filters, tiles, capacity }: Layout): FunctionSource {
  const pixel = filters * FLOAT_BYTES;
  return {
    parameters: 2,
    body: (f, gradient, transformed) => {
      const vectors = alongBothAxes(
        f,
        2,
        ([a, b]) => [a, add(a, b), subtract(a, b), subtract(zero, b)],
        (i, j) => load(gradient, (i * 2 * tiles + j) * pixel),
        (i, j, value) => store(transformed, (4 * i + j) * planeBytes(capacity, filters), value),
      );
      const step = [advance(gradient, 16), advance(transformed, 16)];
      return f.repeat(tiles, f.repeat(filters / 4, vectors, ...step), advance(gradient, pixel));
    },
  };
}

/**
 * Parameters: the transformed block, the transformed kernel in panels, the products, the number of tiles in fours. For
 * each position [tiles, channels] times [channels, filters], by 4 rows and 8 columns whose sums stay in registers.
 * Unrolling the loop over channels takes longer.
 */
function multiplyBlock({ channels, filters, capacity }: Layout): FunctionSource {
  const [pixel, outPixel] = [channels * FLOAT_BYTES, filters * FLOAT_BYTES];
  return {
    parameters: 4,
    body: (f, block, kernel, products, fours) => {
      const [left, right, output] = [f.address(), f.address(), f.address()];
      const sums = f.vectors(8);
      const columns = f.vectors(2);
      const factor = f.vectors(1)[0] as number;
      const fourRows = [
        ...sums.map((sum) => set(sum, zero)),
        set(right, get(kernel)),
        f.repeat(
          channels,
          ...columns.map((column, half) => set(column, load(right, 16 * half))),
          ...outerProduct(sums, columns, factor, (row) => loadSplat(left, row * pixel)),
          advance(left, FLOAT_BYTES),
          advance(right, 32),
        ),
        ...sums.map((sum, index) => store(output, (index >> 1) * outPixel + (index % 2) * 16, get(sum))),
        advance(left, 3 * pixel),
        advance(output, 4 * outPixel),
      ];
      return f.repeat(
        POSITIONS,
        f.repeat(
          filters / 8,
          set(left, get(block)),
          set(output, get(products)),
          f.repeat({ local: fours }, ...fourRows),
          advance(kernel, panelBytes(channels, 8)),
          advance(products, 32),
        ),
        advance(block, planeBytes(capacity, channels)),
        advance(products, planeBytes(capacity, filters) - outPixel),
      );
    },
  };
}

/**
 * Parameters: the transformed block, the transformed gradients, the sum that they are added to, the number of
 * tiles. For each position [tiles, channels] transposed times [tiles, filters], without transposing anything: a
 * tile's channels and filters are contiguous in both.
 */
function accumulateBlock({ channels, filters, capacity }: Layout): FunctionSource {
  const [pixel, outPixel] = [channels * FLOAT_BYTES, filters * FLOAT_BYTES];
  return {
    parameters: 4,
    body: (f, block, gradients, total, tiles) => {
      const [left, right] = [f.address(), f.address()];
      const sums = f.vectors(8);
      const columns = f.vectors(2);
      const factor = f.vectors(1)[0] as number;
      const tile = [
        ...columns.map((column, half) => set(column, load(right, 16 * half))),
        ...outerProduct(sums, columns, factor, (row) => loadSplat(left, row * FLOAT_BYTES)),
        advance(left, pixel),
        advance(right, outPixel),
      ];
      const place = (index: number) => (index >> 1) * outPixel + (index % 2) * 16;
      const eightFilters = [
        set(left, get(block)),
        set(right, get(gradients)),
        ...sums.map((sum) => set(sum, zero)),
        f.repeat({ local: tiles }, ...tile),
        ...sums.map((sum, index) => store(total, place(index), add(load(total, place(index)), get(sum)))),
        advance(gradients, 32),
        advance(total, 32),
      ];
      return f.repeat(
        POSITIONS,
        f.repeat(
          channels / 4,
          f.repeat(filters / 8, ...eightFilters),
          advance(block, 16),
          advance(gradients, -outPixel),
          advance(total, 3 * outPixel),
        ),
        advance(block, planeBytes(capacity, channels) - pixel),
        advance(gradients, planeBytes(capacity, filters)),
        advance(total, GAP_BYTES),
      );
    },
  };
}

/** Adds to sums [4 rows, 2 vectors] the product of 4 factors, each in all lanes, and 2 vectors. */
function outerProduct(
  sums: readonly number[],
  columns: readonly number[],
  factor: number,
  rowFactor: (row: number) => Code,
): Code[] {
  return [0, 1, 2, 3].flatMap((row) => [
    set(factor, rowFactor(row)),
    ...columns.map((column, half) => {
      const sum = sums[2 * row + half] as number;
      return set(sum, add(get(sum), multiply(get(factor), get(column))));
    }),
  ]);
}

/** The code of some vectors. */
type VectorsOf<Size extends 2 | 3 | 4> = {
  2: readonly [Code, Code];
  3: readonly [Code, Code, Code];
  4: readonly [Code, Code, Code, Code];
}[Size];

/** Applies a transform to the columns of a square of `size` by `size` vectors, and then to the rows of that. */
function alongBothAxes<Size extends 2 | 3 | 4>(
  f: FunctionBuilder,
  size: Size,
  transform: (values: VectorsOf<Size>) => readonly Code[],
  element: (row: number, column: number) => Code,
  result: (row: number, column: number, value: Code) => Code,
): Code {
  const values = f.vectors(size);
  // Each time of `size` vectors, which `map` does not say.
  const transformed = (vectors: readonly Code[]) => transform(vectors as VectorsOf<Size>);
  const columns = Array.from({ length: size }, (_, column) => {
    const loads = values.map((value, row) => set(value, element(row, column)));
    const results = transformed(values.map(get)).map((value) => {
      const local = f.vectors(1)[0] as number;
      return { local, code: set(local, value) };
    });
    return {
      code: [...loads, ...results.map(({ code }) => code)].flat(),
      locals: results.map(({ local }) => local),
    };
  });
  const rows = (columns[0]?.locals ?? []).map((_, row) =>
    transformed(columns.map(({ locals }) => get(locals[row] as number))).map((value, column) =>
      result(row, column, value),
    ),
  );
  return [...columns.flatMap(({ code }) => code), ...rows.flat(2)];
}
