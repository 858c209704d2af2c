import { IS_BIG_ENDIAN, swapBytes } from './byteOrder';

/**
 * NumPy's .npy format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic number, the
 * version, the header's length, the header as a Python dict literal, then the values.
 */

export type NpyValues = Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array;
export type NpyType = 'uint8' | 'int32' | 'int64' | 'float32' | 'float64';

export interface NpyArray<Values extends NpyValues = NpyValues> {
  readonly shape: readonly number[];
  /** In C order: the last axis varies fastest. */
  readonly values: Values;
}

/** A file's description of its values, which extend from byte `start` to the end of the file. */
export interface NpyHeader {
  readonly type: NpyType;
  readonly isBigEndian: boolean;
  readonly shape: readonly number[];
  readonly start: number;
}

/** The error for bytes that are not a supported .npy file. */
export class NpyError extends Error {
  override readonly name = 'NpyError';
}

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** Values start at a multiple of this. */
const ALIGNMENT = 64;
/** NumPy's own limit. It rejects longer headers as unsafe. */
const MAX_HEADER_BYTES = 10_000;
/** The header's length is a 16-bit integer in version 1 and a 32-bit one in version 2. */
const LENGTH_BYTES = { 1: 2, 2: 4 } as const;

/**
 * By type: NumPy's code without the byte order, and a function that turns a copy of little-endian values into an array.
 */
const TYPES = {
  uint8: { code: 'u1', bytes: 1, read: (copy) => new Uint8Array(copy) },
  int32: { code: 'i4', bytes: 4, read: (copy) => new Int32Array(copy) },
  int64: { code: 'i8', bytes: 8, read: (copy) => new BigInt64Array(copy) },
  float32: { code: 'f4', bytes: 4, read: (copy) => new Float32Array(copy) },
  float64: { code: 'f8', bytes: 8, read: (copy) => new Float64Array(copy) },
} as const satisfies Record<
  NpyType,
  { code: string; bytes: 1 | 4 | 8; read: (copy: ArrayBuffer) => NpyValues }
>;
const TYPE_NAMES = Object.keys(TYPES) as NpyType[];

/** Encodes an array as version 1, which NumPy also writes if the header's length fits. */
export function encodeNpy({ shape, values }: NpyArray): Uint8Array {
  if (values.length !== sizeOf(shape)) throw new Error(`${values.length} values for [${shape}]`);
  const { code, bytes } = TYPES[typeOf(values)];
  const dictionary = `{'descr': '${bytes === 1 ? '|' : '<'}${code}', 'fortran_order': False, 'shape': ${tuple(shape)}, }`;
  const prefix = MAGIC.length + 2 + LENGTH_BYTES[1];
  const start = Math.ceil((prefix + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${dictionary.padEnd(start - prefix - 1)}\n`;
  const file = new Uint8Array(start + values.byteLength);
  file.set(MAGIC);
  file[MAGIC.length] = 1;
  new DataView(file.buffer).setUint16(MAGIC.length + 2, header.length, true);
  file.set(new TextEncoder().encode(header), prefix);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start);
  if (IS_BIG_ENDIAN) swapBytes(file.subarray(start), bytes);
  return file;
}

/**
 * Decodes a file: a C-order array of one of five types, in either byte order. Copies the values.
 *
 * @throws NpyError with the reason, including more or fewer values than the header says
 */
export function decodeNpy(file: Uint8Array): NpyArray {
  const { type, isBigEndian, shape, start } = decodeNpyHeader(file);
  const { bytes, read } = TYPES[type];
  const expected = sizeOf(shape) * bytes;
  const found = file.length - start;
  if (found !== expected) {
    throw new NpyError(
      `It has ${found} bytes of values, and [${shape.join(', ')}] of ${type} has ${expected}`,
    );
  }
  // Not `slice`, which does not copy a Buffer.
  const copy = new Uint8Array(file.subarray(start));
  if (isBigEndian !== IS_BIG_ENDIAN) swapBytes(copy, bytes);
  return { shape, values: read(copy.buffer) };
}

/**
 * Decodes a file's header, for callers that read the values incrementally.
 *
 * @param file its first 10,012 bytes, or all if it is smaller
 * @throws NpyError
 */
export function decodeNpyHeader(file: Uint8Array): NpyHeader {
  if (file.length < MAGIC.length + 2 || MAGIC.some((byte, index) => file[index] !== byte)) {
    throw new NpyError('It does not begin as a .npy file');
  }
  const version = file[MAGIC.length];
  // Version 3 only affects the field names of structured types.
  if (version !== 1 && version !== 2)
    throw new NpyError(`The version of its format is ${version}, not 1 or 2`);
  const at = MAGIC.length + 2;
  const from = at + LENGTH_BYTES[version];
  if (file.length < from) throw new NpyError('It ends within its header');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = version === 1 ? view.getUint16(at, true) : view.getUint32(at, true);
  if (length > MAX_HEADER_BYTES) {
    throw new NpyError(`Its header would have ${length} bytes, and at most ${MAX_HEADER_BYTES} are read`);
  }
  const start = from + length;
  if (file.length < start) throw new NpyError('It ends within its header');
  return { ...parseDictionary(new TextDecoder('latin1').decode(file.subarray(from, start))), start };
}

/** Parses the header's three entries in any order. NumPy sorts them, but other writers do not. */
function parseDictionary(text: string): Omit<NpyHeader, 'start'> {
  const isDictionary = /^\s*\{.*\}\s*$/s.test(text);
  const description = /'descr'\s*:\s*(?:'([^']*)'|(\[))/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)\b/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\sL,]*)\)/.exec(text)?.[1];
  if (!isDictionary || !description || order === undefined || shape === undefined) {
    throw new NpyError(`Its header is not one of a .npy file: ${text.trim().slice(0, 200)}`);
  }
  const [, code = '', isStructured] = description;
  if (isStructured) throw new NpyError('Its type is structured, not of plain numbers');
  const type = TYPE_NAMES.find((name) => TYPES[name].code === code.slice(1));
  const byteOrder = code[0] ?? '';
  // One-byte types have no byte order, written as |.
  if (!type || !(TYPES[type].bytes === 1 ? '<>|' : '<>').includes(byteOrder)) {
    throw new NpyError(`Its type is '${code}', and those that are read are ${TYPE_NAMES.join(', ')}`);
  }
  if (order === 'True') throw new NpyError('Its values are in Fortran order, not in C order');
  return { type, isBigEndian: byteOrder === '>', shape: extentsOf(shape) };
}

/** Parses the extents in a tuple's text, such as `3, 2`. Python 2 wrote `3L, 2L`. */
function extentsOf(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  const extents = parts.map((part) => (/^\d+L?$/.test(part) ? Number.parseInt(part, 10) : Number.NaN));
  if (!extents.every(Number.isSafeInteger) || !Number.isSafeInteger(sizeOf(extents) * 8)) {
    throw new NpyError(`Its shape is not one of an array: (${text})`);
  }
  return extents;
}

function typeOf(values: NpyValues): NpyType {
  if (values instanceof Uint8Array) return 'uint8';
  if (values instanceof Int32Array) return 'int32';
  if (values instanceof BigInt64Array) return 'int64';
  return values instanceof Float32Array ? 'float32' : 'float64';
}

/** Formats a tuple like Python, with a trailing comma for a single extent. */
function tuple(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
}

/** Returns the number of values in a shape. */
function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
