import { z } from 'zod';
import { IS_BIG_ENDIAN, swapBytes } from './byteOrder';
import { firstIssues } from './firstIssues';

/**
 * The safetensors format (https://github.com/huggingface/safetensors, "Format"): the header's length as a little-endian
 * 64-bit integer, the header as JSON, then the values of every tensor without gaps. Values of any type are read as
 * float32.
 */

/** A tensor's values, independent of any engine. */
export interface NamedTensor<Values extends TensorValues = Float32Array> {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Values;
}

/** Written as F32 and I64. */
export type TensorValues = Float32Array | BigInt64Array;

export interface SafetensorsFile<Values extends TensorValues = Float32Array> {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly NamedTensor<Values>[];
}

/** The error for bytes that are not a readable safetensors file of numbers. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

const LENGTH_BYTES = 8;
/**
 * Enough for about 40,000 tensors. The format's own reader accepts 100 MB, which no network has and which takes seconds
 * to parse.
 */
const MAX_HEADER_BYTES = 4_000_000;
const METADATA = '__metadata__';
/** Pads the header. */
const SPACE = 0x20;

/**
 * By type: the bytes per value, and a function that turns a copy of values into float32. Integers beyond 2^24 are
 * rounded.
 */
const READERS = {
  F64: { bytes: 8, read: (copy) => new Float32Array(new Float64Array(copy)) },
  F32: { bytes: 4, read: (copy) => new Float32Array(copy) },
  F16: { bytes: 2, read: (copy) => fromHalves(new Uint16Array(copy)) },
  BF16: { bytes: 2, read: (copy) => fromBfloat16s(new Uint16Array(copy)) },
  I64: { bytes: 8, read: (copy) => Float32Array.from(new BigInt64Array(copy), Number) },
  U64: { bytes: 8, read: (copy) => Float32Array.from(new BigUint64Array(copy), Number) },
  I32: { bytes: 4, read: (copy) => new Float32Array(new Int32Array(copy)) },
  U32: { bytes: 4, read: (copy) => new Float32Array(new Uint32Array(copy)) },
  I16: { bytes: 2, read: (copy) => new Float32Array(new Int16Array(copy)) },
  U16: { bytes: 2, read: (copy) => new Float32Array(new Uint16Array(copy)) },
  I8: { bytes: 1, read: (copy) => new Float32Array(new Int8Array(copy)) },
  U8: { bytes: 1, read: (copy) => new Float32Array(new Uint8Array(copy)) },
  BOOL: { bytes: 1, read: (copy) => new Float32Array(new Uint8Array(copy)) },
} as const satisfies Record<string, { bytes: number; read: (copy: ArrayBuffer) => Float32Array }>;
export type Dtype = keyof typeof READERS;

/** Returns the size of one value in bytes. */
export function bytesPerValue(dtype: Dtype): number {
  return READERS[dtype].bytes;
}

/** Converts little-endian values of a type to float32, as a copy. */
export function float32Values(dtype: Dtype, bytes: Uint8Array): Float32Array {
  return READERS[dtype].read(copied(bytes, READERS[dtype].bytes));
}

/** Encodes a file. Wider values come before narrower ones, so all are aligned. Otherwise, tensors keep their order. */
export function encodeSafetensors({ metadata, tensors }: SafetensorsFile<TensorValues>): Uint8Array {
  const header: [string, unknown][] = [[METADATA, metadata]];
  let valueBytes = 0;
  const ordered = tensors.toSorted((a, b) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT);
  for (const { name, shape, values } of ordered) {
    if (name === METADATA) throw new Error(`${METADATA} cannot name a tensor`);
    if (values.length !== sizeOf(shape))
      throw new Error(`${name} has ${values.length} values for [${shape}]`);
    const end = valueBytes + values.byteLength;
    const dtype: Dtype = values instanceof Float32Array ? 'F32' : 'I64';
    header.push([name, { dtype, shape, data_offsets: [valueBytes, end] }]);
    valueBytes = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + valueBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(text, LENGTH_BYTES);
  file.fill(SPACE, LENGTH_BYTES + text.length, LENGTH_BYTES + headerBytes);
  let position = LENGTH_BYTES + headerBytes;
  for (const { values } of ordered) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    const end = position + values.byteLength;
    if (IS_BIG_ENDIAN) swapBytes(file.subarray(position, end), values.BYTES_PER_ELEMENT);
    position = end;
  }
  return file;
}

const metadataSchema = z.record(z.string(), z.string()).default({});
const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(READERS) as Dtype[]),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

/**
 * Checks a file's first bytes before the rest is read.
 *
 * @param start its first 8 bytes, or more
 * @returns the length of its header
 * @throws SafetensorsError if the header would be longer than the file or any real header
 */
export function checkSafetensorsStart(start: Uint8Array, fileBytes: number): number {
  if (start.length < LENGTH_BYTES) throw new SafetensorsError(`The file has only ${start.length} bytes`);
  const headerBytes = new DataView(start.buffer, start.byteOffset, start.byteLength).getBigUint64(0, true);
  const available = Math.min(fileBytes - LENGTH_BYTES, MAX_HEADER_BYTES);
  if (headerBytes > available) {
    throw new SafetensorsError(
      `Its header would have ${headerBytes} bytes, but at most ${available} are possible`,
    );
  }
  return Number(headerBytes);
}

/**
 * Decodes a file strictly: the tensors must cover it without gaps or overlaps. Copies the values.
 *
 * @throws SafetensorsError with the reason, if they do not or the header is invalid
 */
export function decodeSafetensors(file: Uint8Array): SafetensorsFile {
  const start = LENGTH_BYTES + checkSafetensorsStart(file, file.length);
  const { metadata, entries } = parseHeader(file.subarray(LENGTH_BYTES, start));
  let covered = 0;
  const tensors = entries
    .toSorted(
      ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
    )
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        if (from !== covered) throw new SafetensorsError(`${name} starts at byte ${from}, not at ${covered}`);
        if (to - from !== bytesPerValue(dtype) * sizeOf(shape)) {
          throw new SafetensorsError(`${name} has ${to - from} bytes for the shape [${shape}] of ${dtype}`);
        }
        if (start + to > file.length) throw new SafetensorsError(`${name} ends past the end of the file`);
        covered = to;
        return { name, shape, values: float32Values(dtype, file.subarray(start + from, start + to)) };
      },
    );
  if (start + covered !== file.length) {
    throw new SafetensorsError(`${file.length - start - covered} bytes belong to no tensor`);
  }
  return { metadata, tensors };
}

interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: readonly (readonly [name: string, entry: z.output<typeof entrySchema>])[];
}

/** Stops at the first invalid entry, because a header has room for many. */
function parseHeader(bytes: Uint8Array): Header {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SafetensorsError('The header is not JSON', { cause });
  }
  const { [METADATA]: metadata, ...entries } = partOf(null, z.record(z.string(), z.unknown()), json);
  return {
    metadata: partOf(METADATA, metadataSchema, metadata),
    entries: Object.entries(entries).map(([name, entry]) => [name, partOf(name, entrySchema, entry)]),
  };
}

/** @param name the entry's name; null for the whole header */
function partOf<Schema extends z.ZodType>(
  name: string | null,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const place = name === null ? '' : `, in ${name}`;
  throw new SafetensorsError(`The header is not a safetensors header${place}: ${firstIssues(parsed.error)}`);
}

/** Copies little-endian values to native byte order. */
function copied(values: Uint8Array, valueBytes: number): ArrayBuffer {
  const copy = new Uint8Array(values);
  if (IS_BIG_ENDIAN) swapBytes(copy, valueBytes);
  return copy.buffer;
}

/** Returns the number of values in a shape. */
function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Converts IEEE 754 binary16 values, given as bits, to float32. */
function fromHalves(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (const [index, half] of bits.entries()) {
    const magnitude = halfMagnitude((half >> 10) & 0x1f, half & 0x3ff);
    values[index] = half & 0x8000 ? -magnitude : magnitude;
  }
  return values;
}

function halfMagnitude(exponent: number, fraction: number): number {
  if (exponent === 0x1f) return fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
}

/** Converts bfloat16 values, the upper halves of float32 values, to float32. */
function fromBfloat16s(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (const [index, upper] of bits.entries()) words[index] = upper << 16;
  return new Float32Array(words.buffer);
}
