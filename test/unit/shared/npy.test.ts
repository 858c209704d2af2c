import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeNpy, decodeNpyHeader, encodeNpy, NpyError, type NpyValues } from '../../../src/shared/npy';

/** A file written by NumPy. See test/fixtures/npy/make.py. */
const fixture = (name: string) => readFileSync(join(__dirname, '../../fixtures/npy', `${name}.npy`));

const WRITTEN = {
  uint8: { shape: [2, 3], values: Uint8Array.of(0, 50, 100, 150, 200, 250) },
  int32: { shape: [2, 3], values: Int32Array.of(-3, -2, -1, 0, 1, 2) },
  int64: { shape: [2, 3], values: BigInt64Array.from([-3n, -2n, -1n, 0n, 1n, 2n], (n) => n << 40n) },
  float32: { shape: [2, 3], values: Float32Array.of(-0.5, -0.25, 0, 0.25, 0.5, 0.75) },
  float64: { shape: [2, 3], values: Float64Array.from([0, 1, 2, 3, 4, 5], (n) => n / 10 - 0.5) },
  scalar: { shape: [], values: Float64Array.of(2.5) },
  vector: { shape: [3], values: Int32Array.of(0, 1, 2) },
  empty: { shape: [0, 4], values: Float32Array.of() },
} as const satisfies Record<string, { shape: readonly number[]; values: NpyValues }>;

/** Builds a file with this header and `valueBytes` bytes of values. Version 1 by default. */
function fileOf(header: string, valueBytes: number, version = 1): Buffer {
  const text = Buffer.from(header, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from([version, 0]),
    length,
    text,
    Buffer.alloc(valueBytes),
  ]);
}

const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);
const array = fc.array(fc.nat(4), { maxLength: 4 }).chain((shape) => {
  const length = { minLength: sizeOf(shape), maxLength: sizeOf(shape) };
  return fc
    .oneof(
      fc.uint8Array(length),
      fc.int32Array(length),
      fc.bigInt64Array(length),
      fc.float32Array(length),
      fc.float64Array(length),
    )
    .map((values) => ({ shape, values: values as NpyValues }));
});

describe('.npy files', () => {
  test.each(Object.entries(WRITTEN))("of NumPy's are read and written to the byte: %s", (name, expected) => {
    const file = fixture(name);
    expect(decodeNpy(file)).toEqual(expected);
    expect(Buffer.from(encodeNpy(expected))).toEqual(file);
  });

  test('are read in version 2 and in big-endian order', () => {
    expect(fixture('version-2')[6]).toBe(2);
    expect(decodeNpy(fixture('version-2'))).toEqual(WRITTEN.int32);
    expect(decodeNpy(fixture('float32-big-endian'))).toEqual(WRITTEN.float32);
  });

  test('return what was written', () => {
    fc.assert(
      fc.property(array, (given) => {
        expect(decodeNpy(encodeNpy(given))).toEqual(given);
      }),
    );
  });

  test('are copied, wherever they lie in memory', () => {
    const file = encodeNpy(WRITTEN.int64);
    const memory = Buffer.alloc(file.length + 3);
    memory.set(file, 3);
    const read = decodeNpy(memory.subarray(3));
    memory.fill(0);
    expect(read).toEqual(WRITTEN.int64);
  });

  test('describe themselves in their first bytes', () => {
    const file = fixture('float32');
    expect(decodeNpyHeader(file.subarray(0, 128))).toEqual({
      type: 'float32',
      isBigEndian: false,
      shape: [2, 3],
      start: 128,
    });
  });

  test('are read with the headers of other writers', () => {
    const read = decodeNpy(fileOf("{'shape':(2L,1L),'descr':'<f4','fortran_order':False}", 8));
    expect(read).toEqual({ shape: [2, 1], values: new Float32Array(2) });
  });

  test.each([
    ['another file', Buffer.from('PK\x03\x04 and so on'), 'It does not begin as a .npy file'],
    ['no bytes', Buffer.alloc(0), 'It does not begin as a .npy file'],
    ['its magic number alone', fixture('int32').subarray(0, 9), 'It ends within its header'],
    ['half a header', fixture('int32').subarray(0, 40), 'It ends within its header'],
    ['version 3', fileOf(header("'<f4'", '(1,)'), 4, 3), 'The version of its format is 3, not 1 or 2'],
    [
      'a header that is too long',
      fileOf(header("'<f4'", '(1,)').padEnd(10_001), 4),
      'Its header would have 10001 bytes, and at most 10000 are read',
    ],
    ['no dictionary', fileOf('nonsense\n', 4), 'Its header is not one of a .npy file: nonsense'],
    ['Fortran order', fixture('fortran'), 'Its values are in Fortran order, not in C order'],
    ['fields', fixture('structured'), 'Its type is structured, not of plain numbers'],
    ['text', fixture('text'), "Its type is '<U1', and those that are read are uint8, int32, "],
    ['pickled objects', fileOf(header("'|O'", '(1,)'), 4), "Its type is '|O', and those"],
    ['no byte order', fileOf(header("'|f4'", '(1,)'), 4), "Its type is '|f4', and those"],
    [
      'too few values',
      fileOf(header("'<f4'", '(2, 3)'), 20),
      'It has 20 bytes of values, and [2, 3] of float32 has 24',
    ],
    ['too many values', fileOf(header("'<f4'", '(2, 3)'), 28), 'It has 28 bytes of values, and [2, 3]'],
    [
      'an extent that is no number',
      fileOf(header("'<f4'", '(2 3)'), 24),
      'Its shape is not one of an array: (2 3)',
    ],
    [
      'a shape past all numbers',
      fileOf(header("'<f4'", `(${2 ** 52}, 2)`), 0),
      'Its shape is not one of an array',
    ],
  ])('are refused: %s', (_, file, message) => {
    const read = () => decodeNpy(file);
    expect(read).toThrow(NpyError);
    expect(read).toThrow(message);
  });

  test('are read or refused with an NpyError, whatever their bytes', () => {
    const seed = fixture('int32');
    fc.assert(
      fc.property(fc.nat(seed.length - 1), fc.nat(255), fc.nat(seed.length), (at, byte, length) => {
        const bytes = Buffer.from(seed);
        bytes[at] = byte;
        try {
          const { shape, values } = decodeNpy(bytes.subarray(0, length));
          expect(values).toHaveLength(sizeOf(shape));
        } catch (error) {
          expect(error).toBeInstanceOf(NpyError);
        }
      }),
    );
  });

  test('cannot be written if the values do not fill the shape', () => {
    expect(() => encodeNpy({ shape: [2], values: Float32Array.of(1) })).toThrow('1 values for [2]');
  });
});
