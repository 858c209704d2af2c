import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roundArray } from '../../../src/backends/precision/round';
import {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  SafetensorsError,
} from '../../../src/shared/safetensors';

/** Builds a file with this header and `valueBytes` bytes of values. */
function fileOf(header: string, valueBytes: number): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(valueBytes)]);
}

const entry = (shape: number[], from: number, to: number, dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [from, to] });

const tensor: fc.Arbitrary<Omit<NamedTensor, 'name'>> = fc
  .array(fc.nat(4), { maxLength: 4 })
  .chain((shape) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return fc
      .float32Array({ minLength: size, maxLength: size })
      .map((values) => ({ shape, values: Float32Array.from(values) }));
  });
const names = fc.string().filter((name) => name !== '__metadata__' && name !== '__proto__');
const file = fc.record({
  metadata: fc.dictionary(names, fc.string()).map((entries) => ({ ...entries })),
  tensors: fc
    .uniqueArray(fc.tuple(names, tensor), { selector: ([name]) => name, maxLength: 5 })
    .map((entries) => entries.map(([name, rest]) => ({ name, ...rest }))),
});

describe('safetensors', () => {
  test('the bytes of a small file match the format', () => {
    const bytes = encodeSafetensors({
      metadata: { a: 'b' },
      tensors: [{ name: 'w', shape: [1, 2], values: Float32Array.of(1, -2) }],
    });
    const header = '{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    const expected = Buffer.concat([
      Buffer.from([padded.length, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(padded),
      Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
    ]);
    expect(Buffer.from(bytes)).toEqual(expected);
  });

  test('returns what was written', () => {
    fc.assert(
      fc.property(file, ({ metadata, tensors }) => {
        const read = decodeSafetensors(encodeSafetensors({ metadata, tensors }));
        expect(read.metadata).toEqual(metadata);
        expect(new Map(read.tensors.map((each) => [each.name, each]))).toEqual(
          new Map(tensors.map((each) => [each.name, each])),
        );
      }),
    );
  });

  /** For each type, the bytes of some values in that format, written value by value. */
  const DTYPES: Record<
    string,
    { bytes: number; write: (view: DataView, at: number, value: number) => void }
  > = {
    F64: { bytes: 8, write: (view, at, value) => view.setFloat64(at, value, true) },
    F32: { bytes: 4, write: (view, at, value) => view.setFloat32(at, value, true) },
    BF16: {
      bytes: 2,
      // 1, -2.5, 0, 100 and 3 are exact in bfloat16.
      write: (view, at, value) =>
        view.setUint16(at, new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16, true),
    },
    I64: { bytes: 8, write: (view, at, value) => view.setBigInt64(at, BigInt(value), true) },
    U64: { bytes: 8, write: (view, at, value) => view.setBigUint64(at, BigInt(value), true) },
    I32: { bytes: 4, write: (view, at, value) => view.setInt32(at, value, true) },
    U32: { bytes: 4, write: (view, at, value) => view.setUint32(at, value, true) },
    I16: { bytes: 2, write: (view, at, value) => view.setInt16(at, value, true) },
    U16: { bytes: 2, write: (view, at, value) => view.setUint16(at, value, true) },
    I8: { bytes: 1, write: (view, at, value) => view.setInt8(at, value) },
    U8: { bytes: 1, write: (view, at, value) => view.setUint8(at, value) },
    BOOL: { bytes: 1, write: (view, at, value) => view.setUint8(at, value) },
  };

  test.each(Object.entries(DTYPES))('reads %s as float32', (dtype, { bytes, write }) => {
    const isFloat = dtype.includes('F');
    const isSigned = isFloat || dtype.startsWith('I');
    const values = [1, isFloat ? -2.5 : isSigned ? -2 : 2, 0, ...(dtype === 'BOOL' ? [] : [100]), 3];
    // After a one-byte tensor, so that the values are not aligned.
    const file = fileOf(
      `{"b":${entry([], 0, 1, 'U8')},"w":${entry([values.length], 1, 1 + bytes * values.length, dtype)}}`,
      1 + bytes * values.length,
    );
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    for (const [index, value] of values.entries()) {
      write(view, file.length - bytes * (values.length - index), value);
    }
    const w = decodeSafetensors(file).tensors.find(({ name }) => name === 'w');
    expect([...w!.values]).toEqual(values);
  });

  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x83ff, -1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0x3555, 1365 / 4096],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])('reads the half %i as %d', (bits, value) => {
    const file = fileOf(`{"w":${entry([], 0, 2, 'F16')}}`, 2);
    file.writeUInt16LE(bits, file.length - 2);
    expect(decodeSafetensors(file).tensors[0]!.values[0]).toBe(value);
  });

  test('every half is a fixed point of rounding to half', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const file = Buffer.concat([
      fileOf(`{"w":${entry([65536], 0, 2 * 65536, 'F16')}}`, 0),
      Buffer.from(halves.buffer),
    ]);
    const { values } = decodeSafetensors(file).tensors[0]!;
    expect(roundArray(values, 'float16')).toEqual(values);
    expect(new Set(values).size).toBe(65536 - 2046 + 1 - 1);
  });

  test('writes integers as I64 before all float32, so that both are aligned', () => {
    const bytes = encodeSafetensors({
      metadata: {},
      tensors: [
        { name: 'w', shape: [1], values: Float32Array.of(0.5) },
        { name: 'n', shape: [], values: BigInt64Array.of(7n) },
      ],
    });
    const header = JSON.parse(Buffer.from(bytes.subarray(8, bytes.length - 12)).toString());
    expect(header.n).toEqual({ dtype: 'I64', shape: [], data_offsets: [0, 8] });
    expect(header.w).toEqual({ dtype: 'F32', shape: [1], data_offsets: [8, 12] });
    expect(decodeSafetensors(bytes).tensors.map(({ name, values }) => [name, ...values])).toEqual([
      ['n', 7],
      ['w', 0.5],
    ]);
  });

  test('copies its values, whatever buffer the file came in', () => {
    const bytes = Buffer.from(
      encodeSafetensors({ metadata: {}, tensors: [{ name: 'w', shape: [1], values: Float32Array.of(1) }] }),
    );
    const { values } = decodeSafetensors(bytes).tensors[0]!;
    bytes.fill(0);
    expect([...values]).toEqual([1]);
  });

  test('a file truncated anywhere, or with trailing bytes, is refused', () => {
    fc.assert(
      fc.property(file, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (content, share) => {
        const bytes = encodeSafetensors(content);
        const cut = bytes.subarray(0, Math.floor(share * bytes.length));
        expect(() => decodeSafetensors(cut)).toThrow(SafetensorsError);
        expect(() => decodeSafetensors(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(SafetensorsError);
      }),
    );
  });

  test('any bytes are read or refused, without other errors', () => {
    const readOrRefused = (bytes: Uint8Array) => {
      try {
        decodeSafetensors(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readOrRefused));
    fc.assert(fc.property(fc.json(), fc.nat(16), (json, size) => readOrRefused(fileOf(json, size))));
    const dtypes = fc.constantFrom(...Object.keys(DTYPES), 'F8_E5M2', 'f32', 'toString');
    fc.assert(
      fc.property(
        dtypes,
        fc.array(fc.nat(3), { maxLength: 3 }),
        fc.nat(40),
        fc.nat(40),
        (dtype, shape, to, size) => readOrRefused(fileOf(`{"w":${entry(shape, 0, to, dtype)}}`, size)),
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(
        file,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (content, edits) => {
          const bytes = encodeSafetensors(content);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          readOrRefused(bytes);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'The file has only 0 bytes'],
    [
      'a header longer than the file',
      Buffer.alloc(8, 0xff),
      'Its header would have 18446744073709551615 bytes',
    ],
    ['a header that is not JSON', fileOf('{', 0), 'The header is not JSON'],
    ['a header that is not UTF-8', Buffer.concat([fileOf('', 0).fill(1, 0, 1), Buffer.of(0xff)]), 'not JSON'],
    ['a header that is a list', fileOf('[]', 0), 'The header is not a safetensors header'],
    ['an unknown type', fileOf(`{"w":${entry([1], 0, 1, 'F8_E4M3')}}`, 1), 'not a safetensors header'],
    [
      'bytes of another type',
      fileOf(`{"w":${entry([1], 0, 4, 'F16')}}`, 4),
      'w has 4 bytes for the shape [1] of F16',
    ],
    ['a negative extent', fileOf(`{"w":${entry([-1], 0, 4)}}`, 4), 'The header is not a safetensors header'],
    ['a shape of other bytes', fileOf(`{"w":${entry([2], 0, 4)}}`, 4), 'w has 4 bytes for the shape [2]'],
    ['a shape past all numbers', fileOf(`{"w":${entry(Array(9).fill(2 ** 50), 0, 4)}}`, 4), 'w has 4 bytes'],
    ['a tensor past the end', fileOf(`{"w":${entry([2], 0, 8)}}`, 4), 'w ends past the end of the file'],
    ['a gap', fileOf(`{"w":${entry([1], 4, 8)}}`, 8), 'w starts at byte 4, not at 0'],
    [
      'an overlap',
      fileOf(`{"v":${entry([2], 0, 8)},"w":${entry([1], 4, 8)}}`, 8),
      'w starts at byte 4, not at 8',
    ],
    [
      'an end before the start',
      fileOf(`{"w":${entry([1], 0, -4)}}`, 0),
      'The header is not a safetensors header',
    ],
    ['bytes of no tensor', fileOf(`{"w":${entry([1], 0, 4)}}`, 8), '4 bytes belong to no tensor'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(SafetensorsError);
    expect(() => decodeSafetensors(bytes)).toThrow(message);
  });
});
