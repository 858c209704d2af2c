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
import { FLOAT_BYTES } from './heap';
import { GAP_BYTES, packColumns, packTransposed, panelBytes } from './packing';
import { type Layout, POSITIONS, planeBytes } from './winogradLayout';

/** Assembles Winograd's functions for a layout. */
export function assemble(memory: WebAssembly.Memory, layout: Layout) {
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

/** Parameters: the source, the destination, the number of vectors. */
const copy: FunctionSource = {
  parameters: 3,
  body: (f, from, to, vectors) =>
    f.repeat({ local: vectors }, store(to, 0, load(from, 0)), advance(from, 16), advance(to, 16)),
};

const half = splat(0x3f00_0000);

/** Parameters: a panel of each kernel tap, and the address of the corresponding panel of the transformed kernel. */
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

/**
 * Parameters: the gradient of the transformed kernel, and the destination of the kernel's gradient. The transpose of
 * the transform above.
 */
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

/** Parameters: a row of input tiles, and its address in the transformed block [16, capacity, channels]. */
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
      // Skip one more pixel's channels: tiles begin at every second pixel.
      return f.repeat(tiles, f.repeat(channels / 4, vectors, ...step), advance(input, pixel));
    },
  };
}

/** Parameters: a row of tiles in the products [16, capacity, filters], and its address in the output. */
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
 * Parameters: a row of tiles of the output gradient, and its address in the block [16, capacity, filters]. The
 * transpose of the output transform.
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
 * Parameters: the transformed block, the transformed kernel in panels, the products, the number of tiles divided by
 * four. For each position, it multiplies [tiles, channels] by [channels, filters] in blocks of 4 rows and 8 columns
 * whose sums stay in registers. Unrolling the loop over channels is slower.
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
 * Parameters: the transformed block, the transformed gradients, the sum that they are added to, the number of tiles.
 * For each position, it multiplies [tiles, channels], transposed, by [tiles, filters]. No explicit transpose is
 * necessary: a tile's channels and filters are contiguous in both.
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

/** Adds the product of 4 factors, each broadcast to all lanes, and 2 vectors to the sums [4 rows, 2 vectors]. */
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

/** The code of a fixed number of vectors. */
type VectorsOf<Size extends 2 | 3 | 4> = {
  2: readonly [Code, Code];
  3: readonly [Code, Code, Code];
  4: readonly [Code, Code, Code, Code];
}[Size];

/** Applies a transform to the columns of a `size` by `size` square of vectors, then to the rows of the result. */
function alongBothAxes<Size extends 2 | 3 | 4>(
  f: FunctionBuilder,
  size: Size,
  transform: (values: VectorsOf<Size>) => readonly Code[],
  element: (row: number, column: number) => Code,
  result: (row: number, column: number, value: Code) => Code,
): Code {
  const values = f.vectors(size);
  // Always `size` vectors, but the type of `map` does not say so.
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
