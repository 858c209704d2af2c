import {
  advance,
  advanceBy,
  type Code,
  type FunctionBuilder,
  type FunctionSource,
  get,
  load,
  loadInteger,
  set,
  shuffle,
  store,
} from './assembler';
import { FLOAT_BYTES } from './heap';

/**
 * Functions that pack matrices into panels. A panel holds a few columns of all rows, in sequence, so that a matrix
 * product reads its right-hand side sequentially.
 */

/** One cache line between panels. Power-of-two strides would map them to the same few lines. */
export const GAP_BYTES = 64;

/** Returns the stride in bytes between panels of some columns. */
export function panelBytes(rows: number, columns: number): number {
  return rows * columns * FLOAT_BYTES + GAP_BYTES;
}

/**
 * Parameters: the address of the row addresses, the number of rows, the panels of 4 or 8 columns, the stride of the
 * panels in bytes, the destination.
 */
export function packRows(columns: 4 | 8): FunctionSource {
  const bytes = columns * FLOAT_BYTES;
  return {
    parameters: 5,
    body: (f, addresses, rows, panels, stride, packed) => {
      const [from, to] = [f.address(), f.address()];
      return f.repeat(
        { local: rows },
        set(from, loadInteger(addresses, 0)),
        set(to, get(packed)),
        f.repeat({ local: panels }, copy(from, to, bytes), advance(from, bytes), advanceBy(to, stride)),
        advance(addresses, FLOAT_BYTES),
        advance(packed, bytes),
      );
    },
  };
}

/** Parameters: the first row, the row stride in bytes, the number of rows, the panels of 8 columns, the destination. */
export const packColumns: FunctionSource = {
  parameters: 5,
  body: (f, source, stride, rows, panels, packed) => {
    const from = f.address();
    return f.repeat(
      { local: panels },
      set(from, get(source)),
      f.repeat({ local: rows }, copy(from, packed, 32), advanceBy(from, stride), advance(packed, 32)),
      advance(source, 32),
      advance(packed, GAP_BYTES),
    );
  },
};

/**
 * Parameters: the first of the rows that become columns, the row stride in bytes, groups of four values per row, panels
 * of 8 rows, the destination.
 */
export const packTransposed: FunctionSource = {
  parameters: 5,
  body: (f, source, stride, fours, panels, packed) => {
    const rows = [f.address(), f.address(), f.address(), f.address()];
    const to = f.address();
    const half = (offset: number) => [
      ...rows.map((row) => [...set(row, get(source)), ...advanceBy(source, stride)]),
      set(to, get(packed)),
      f.repeat(
        { local: fours },
        transpose(
          f,
          rows.map((row) => load(row, 0)),
          (column, value) => store(to, 32 * column + offset, value),
        ),
        ...rows.map((row) => advance(row, 16)),
        advance(to, 128),
      ),
    ];
    return f.repeat(
      { local: panels },
      ...half(0),
      ...half(16),
      set(packed, get(to)),
      advance(packed, GAP_BYTES),
    );
  },
};

/** Calls `use` with each column of four rows. */
export function transpose(
  f: FunctionBuilder,
  rows: readonly Code[],
  use: (column: number, value: Code) => Code,
): Code {
  const values = f.vectors(4);
  const [a, b, c, d] = values.map(get) as [Code, Code, Code, Code];
  const halves = f.vectors(4);
  const [low, lower, high, higher] = halves.map(get) as [Code, Code, Code, Code];
  const interleaved = [
    ...[shuffle(a, b, [0, 4, 1, 5]), shuffle(c, d, [0, 4, 1, 5])],
    ...[shuffle(a, b, [2, 6, 3, 7]), shuffle(c, d, [2, 6, 3, 7])],
  ];
  return [
    ...values.flatMap((value, index) => set(value, rows[index] as Code)),
    ...halves.flatMap((half, index) => set(half, interleaved[index] as Code)),
    ...use(0, shuffle(low, lower, [0, 1, 4, 5])),
    ...use(1, shuffle(low, lower, [2, 3, 6, 7])),
    ...use(2, shuffle(high, higher, [0, 1, 4, 5])),
    ...use(3, shuffle(high, higher, [2, 3, 6, 7])),
  ];
}

function copy(from: number, to: number, bytes: number): Code {
  const parts = Array.from({ length: bytes / 16 }, (_, part) => 16 * part);
  return parts.flatMap((part) => store(to, part, load(from, part)));
}
