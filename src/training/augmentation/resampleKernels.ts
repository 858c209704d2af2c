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
import { PRECISION_BITS, TAPS_MULTIPLE } from './axisWeights';
import { Kernels, VECTOR_BYTES, WORD_BYTES } from './kernels';

/** The kernels of `resample`, which lays out the memory and runs them. */

/** Each entry of a table begins with the offset of its inputs in bytes, and their number. */
export const HEADER_WORDS = 2;
const HALF = 1 << (PRECISION_BITS - 1);
/** Number of rows that the color kernel computes at once. They share their weights. */
export const ROWS_AT_ONCE = 4;

/** Rounds fixed-point sums to bytes. */
const rounded = (sums: readonly [Code, Code, Code, Code]): Code => {
  const [first, second, third, fourth] = sums.map((sum) => shiftRightSigned(sum, PRECISION_BITS));
  return toBytes(first!, second!, third!, fourth!);
};

/**
 * The kernel for three channels. Each pixel is loaded with one byte of the next, and the sum of that byte is
 * overwritten.
 */
const colorColumns = (rows: number): FunctionSource => ({
  parameters: 8,
  body: (f, source, sourceStride, table, entryStride, columns, times, target, targetStride) => {
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
        advanceBy(entry, entryStride!),
      ),
    );
  },
});

/** The kernel for one channel: multiplies four pixels by four weights at once and adds the products. */
const grayColumns: FunctionSource = {
  parameters: 8,
  body: (f, source, sourceStride, table, entryStride, columns, times, target, targetStride) => {
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
        // Half a unit, divided among four lanes.
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
        advanceBy(entry!, entryStride!),
      ),
      advanceBy(source!, sourceStride!),
      advanceBy(target!, targetStride!),
    );
  },
};

/** Sixteen bytes of a row at once. The next row overwrites what is past the end. */
const rows: FunctionSource = {
  parameters: 8,
  body: (f, source, sourceStride, table, entryStride, height, vectors, target, targetStride) => {
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
      advanceBy(table!, entryStride!),
    );
  },
};

export const kernels = new Kernels({
  colorColumns: colorColumns(1),
  colorColumnsOfRows: colorColumns(ROWS_AT_ONCE),
  grayColumns,
  rows,
});
