/**
 * Writes the subset of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/) that ONNX needs. A message
 * is a sequence of fields, each a tag (field number and wire type) and a value.
 */

/** Bytes in pieces, so that nested messages are copied only once, at the end. */
export interface Encoded {
  readonly size: number;
  readonly pieces: readonly Uint8Array[];
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Encodes a message with these fields. */
export function message(...fields: readonly Encoded[]): Encoded {
  return {
    size: fields.reduce((sum, { size }) => sum + size, 0),
    pieces: fields.flatMap(({ pieces }) => pieces),
  };
}

/** Encodes an integer field, from 0 to 2^53 - 1: int32, int64 or an enum. */
export function integerField(number: number, value: number): Encoded {
  return encoded(Uint8Array.from([...tag(number, VARINT), ...varint(value)]));
}

/** Encodes a float field (32 bits). */
export function floatField(number: number, value: number): Encoded {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return encoded(Uint8Array.from([...tag(number, FIXED_32), ...bytes]));
}

/** Encodes a string field. */
export function textField(number: number, value: string): Encoded {
  return bytesField(number, new TextEncoder().encode(value));
}

/** Encodes a bytes field without copying the bytes. */
export function bytesField(number: number, value: Uint8Array): Encoded {
  return messageField(number, encoded(value));
}

/** Encodes a message field. */
export function messageField(number: number, { size, pieces }: Encoded): Encoded {
  const head = Uint8Array.from([...tag(number, LENGTH_DELIMITED), ...varint(size)]);
  return { size: head.length + size, pieces: [head, ...pieces] };
}

/** Joins the pieces of a message. */
export function bytesOf({ size, pieces }: Encoded): Uint8Array {
  const bytes = new Uint8Array(size);
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.length;
  }
  return bytes;
}

function encoded(bytes: Uint8Array): Encoded {
  return { size: bytes.length, pieces: [bytes] };
}

function tag(number: number, wireType: number): number[] {
  return varint(number * 8 + wireType);
}

/** Encodes seven bits per byte, the lowest first. All bytes but the last have the highest bit set. */
function varint(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} cannot be written as a varint`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}
