import {
  addIntegers,
  advance,
  advanceBy,
  type Code,
  type FunctionSource,
  get,
  load,
  loadBytes,
  loadInteger,
  loadSplat,
  multiplyIntegers,
  set,
  shiftRightSigned,
  shuffle,
  splat,
  store,
  storeFourBytes,
  sumOf,
  toBytes,
} from '../../backends/wasm/assembler';
import { type AxisWeights, PRECISION_BITS, TAPS_MULTIPLE } from './axisWeights';
import type { PixelImage } from './image';
import { type Kernel, Kernels, Layout, roundUp, VECTOR_BYTES, WORD_BYTES } from './kernels';

/** Source rows are copied in bands of about as much, which a core's cache holds. */
const BAND_BYTES = 256 * 1024;
/** Entries of a table begin with where their inputs start, in bytes, and how many there are. */
const HEADER_WORDS = 2;
const HALF = 1 << (PRECISION_BITS - 1);
/** Rows that the kernel of colors computes at once: they share their weights. */
const ROWS_AT_ONCE = 4;

/**
 * Weighs pixels along rows, each pass rounded to bytes, then along columns: [height, width, channels] by the axes.
 * Needs 1 or 3 channels. WebAssembly, four int32 at a time.
 */
export function resample(image: PixelImage, vertical: AxisWeights, horizontal: AxisWeights): PixelImage {
  const { pixels: source, width, channels } = image;
  if (channels !== 1 && channels !== 3) throw new RangeError(`An image of ${channels} channels`);
  const height = vertical.starts.length;
  const rowBytes = horizontal.starts.length * channels;
  const firstRow = vertical.starts[0]!;
  const rows = vertical.starts.at(-1)! + vertical.counts.at(-1)! - firstRow;
  const narrowRowBytes = roundUp(rowBytes + WORD_BYTES, VECTOR_BYTES);
  const sourceRowBytes = width * channels;
  const bandRows = Math.min(rows, Math.max(1, Math.floor(BAND_BYTES / sourceRowBytes)));

  const layout = new Layout();
  const horizontalAt = layout.place(tableWords(horizontal) * WORD_BYTES);
  const verticalAt = layout.place(tableWords(vertical) * WORD_BYTES);
  const bandAt = layout.place(bandRows * sourceRowBytes);
  const narrowAt = layout.place(rows * narrowRowBytes);
  const targetAt = layout.place(height * rowBytes);
  const { memory, functions } = kernels.on(layout);

  // The grey kernel takes as many pixels at once as a vector holds.
  const pixelsAtOnce = channels === 1 ? TAPS_MULTIPLE : 1;
  writeTable(memory, horizontalAt, horizontal, 0, channels, pixelsAtOnce);
  writeTable(memory, verticalAt, vertical, firstRow, narrowRowBytes, 1);
  const bytes = new Uint8Array(memory.buffer);
  for (let row = 0; row < rows; row += bandRows) {
    const count = Math.min(bandRows, rows - row);
    const from = (firstRow + row) * sourceRowBytes;
    bytes.set(source.subarray(from, from + count * sourceRowBytes), bandAt);
    const narrow = (kernel: Kernel, done: number, times: number) => {
      if (times === 0) return;
      kernel(
        ...[
          bandAt + done * sourceRowBytes,
          sourceRowBytes,
          horizontalAt,
          entryWords(horizontal) * WORD_BYTES,
        ],
        ...[horizontal.starts.length, times, narrowAt + (row + done) * narrowRowBytes, narrowRowBytes],
      );
    };
    if (channels === 1) {
      narrow(functions.greyColumns, 0, count);
    } else {
      const groups = Math.floor(count / ROWS_AT_ONCE);
      narrow(functions.colorColumnsOfRows, 0, groups);
      narrow(functions.colorColumns, groups * ROWS_AT_ONCE, count - groups * ROWS_AT_ONCE);
    }
  }
  functions.rows(
    ...[narrowAt, narrowRowBytes, verticalAt, entryWords(vertical) * WORD_BYTES],
    ...[height, Math.ceil(rowBytes / VECTOR_BYTES), targetAt, rowBytes],
  );
  const pixels = bytes.slice(targetAt, targetAt + height * rowBytes);
  return { pixels, height, width: horizontal.starts.length, channels };
}

function entryWords({ taps }: AxisWeights): number {
  return HEADER_WORDS + taps;
}

function tableWords(axis: AxisWeights): number {
  return axis.starts.length * entryWords(axis);
}

/** Writes an axis as a kernel reads it: for each output position its header, then its weights. */
function writeTable(
  memory: WebAssembly.Memory,
  address: number,
  axis: AxisWeights,
  first: number,
  bytesPerInput: number,
  inputsAtOnce: number,
): void {
  const words = new Int32Array(memory.buffer, address, tableWords(axis));
  const { starts, counts, taps, weights } = axis;
  let to = 0;
  for (let index = 0; index < starts.length; index++) {
    words[to++] = (starts[index]! - first) * bytesPerInput;
    words[to++] = Math.ceil(counts[index]! / inputsAtOnce);
    for (let tap = 0; tap < taps; tap++) words[to++] = weights[index * taps + tap]!;
  }
}

/** Sums in fixed point, rounded, as bytes. */
const rounded = (sums: readonly [Code, Code, Code, Code]): Code => {
  const [first, second, third, fourth] = sums.map((sum) => shiftRightSigned(sum, PRECISION_BITS));
  return toBytes(first!, second!, third!, fourth!);
};

/** Of three channels: each pixel is loaded with a byte of the next one, whose sum is overwritten. */
const colorColumns = (rows: number): FunctionSource => ({
  parameters: 8,
  body: (f, source, sourceStride, table, entryBytes, columns, times, target, targetStride) => {
    const [entry, weight, count] = [f.address(), f.address(), f.address()] as const;
    const sources = Array.from({ length: rows }, () => f.address());
    const pixels = Array.from({ length: rows }, () => f.address());
    const targets = Array.from({ length: rows }, () => f.address());
    const sums = f.vectors(rows);
    const each = (code: (row: number) => Code) => sums.flatMap((_, row) => code(row));
    return f.repeat(
      { local: times! },
      each((row) => [
        ...[...set(sources[row]!, get(source!)), ...advanceBy(source!, sourceStride!)],
        ...[...set(targets[row]!, get(target!)), ...advanceBy(target!, targetStride!)],
      ]),
      set(entry, get(table!)),
      f.repeat(
        { local: columns! },
        each((row) => [
          ...set(pixels[row]!, sumOf(get(sources[row]!), loadInteger(entry, 0))),
          ...set(sums[row]!, splat(HALF)),
        ]),
        set(count, loadInteger(entry, WORD_BYTES)),
        set(weight, get(entry)),
        f.repeat(
          { local: count },
          each((row) => [
            ...set(
              sums[row]!,
              addIntegers(
                get(sums[row]!),
                multiplyIntegers(loadBytes(pixels[row]!, 0), loadSplat(weight, HEADER_WORDS * WORD_BYTES)),
              ),
            ),
            ...advance(pixels[row]!, 3),
          ]),
          advance(weight, WORD_BYTES),
        ),
        each((row) => {
          const sum = get(sums[row]!);
          return [
            ...storeFourBytes(targets[row]!, 0, rounded([sum, sum, sum, sum])),
            ...advance(targets[row]!, 3),
          ];
        }),
        advanceBy(entry, entryBytes!),
      ),
    );
  },
});

/** Of one channel: four pixels at once by four weights, whose sums are added up. */
const greyColumns: FunctionSource = {
  parameters: 8,
  body: (f, source, sourceStride, table, entryBytes, columns, times, target, targetStride) => {
    const [entry, weight, count, pixel, to] = [
      f.address(),
      f.address(),
      f.address(),
      f.address(),
      f.address(),
    ];
    const [sum] = f.vectors(1);
    const addTurned = (words: readonly number[]) =>
      set(sum!, addIntegers(get(sum!), shuffle(get(sum!), get(sum!), words)));
    return f.repeat(
      { local: times! },
      set(entry!, get(table!)),
      set(to!, get(target!)),
      f.repeat(
        { local: columns! },
        set(pixel!, sumOf(get(source!), loadInteger(entry!, 0))),
        set(count!, loadInteger(entry!, WORD_BYTES)),
        set(weight!, get(entry!)),
        // Four quarters of the half.
        set(sum!, splat(HALF / 4)),
        f.repeat(
          { local: count! },
          set(
            sum!,
            addIntegers(
              get(sum!),
              multiplyIntegers(loadBytes(pixel!, 0), load(weight!, HEADER_WORDS * WORD_BYTES)),
            ),
          ),
          advance(pixel!, TAPS_MULTIPLE),
          advance(weight!, VECTOR_BYTES),
        ),
        addTurned([2, 3, 0, 1]),
        addTurned([1, 0, 3, 2]),
        storeFourBytes(to!, 0, rounded([get(sum!), get(sum!), get(sum!), get(sum!)])),
        advance(to!, 1),
        advanceBy(entry!, entryBytes!),
      ),
      advanceBy(source!, sourceStride!),
      advanceBy(target!, targetStride!),
    );
  },
};

/** Sixteen bytes of a row at once; what is past its end is overwritten by the next row. */
const rows: FunctionSource = {
  parameters: 8,
  body: (f, source, sourceStride, table, entryBytes, height, vectors, target, targetStride) => {
    const [weight, count, pixel, to, left] = [
      f.address(),
      f.address(),
      f.address(),
      f.address(),
      f.address(),
    ];
    const sums = f.vectors(4);
    const [weights] = f.vectors(1);
    return f.repeat(
      { local: height! },
      set(to!, get(target!)),
      set(left!, sumOf(get(source!), loadInteger(table!, 0))),
      set(count!, loadInteger(table!, WORD_BYTES)),
      f.repeat(
        { local: vectors! },
        set(pixel!, get(left!)),
        set(weight!, get(table!)),
        sums.flatMap((sum) => set(sum, splat(HALF))),
        f.repeat(
          { local: count! },
          set(weights!, loadSplat(weight!, HEADER_WORDS * WORD_BYTES)),
          sums.flatMap((sum, index) =>
            set(
              sum,
              addIntegers(get(sum), multiplyIntegers(loadBytes(pixel!, index * WORD_BYTES), get(weights!))),
            ),
          ),
          advanceBy(pixel!, sourceStride!),
          advance(weight!, WORD_BYTES),
        ),
        store(to!, 0, rounded(sums.map(get) as [Code, Code, Code, Code])),
        advance(to!, VECTOR_BYTES),
        advance(left!, VECTOR_BYTES),
      ),
      advanceBy(target!, targetStride!),
      advanceBy(table!, entryBytes!),
    );
  },
};

const kernels = new Kernels({
  colorColumns: colorColumns(1),
  colorColumnsOfRows: colorColumns(ROWS_AT_ONCE),
  greyColumns,
  rows,
});
