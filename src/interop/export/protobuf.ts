/**
 * Writes messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/), as far as ONNX needs them:
 * a message is its fields one after another, each a tag (the field's number and how its value is written) and a value.
 */

/** Bytes in pieces, so that a message within messages is copied once, at the end. */
export interface Encoded {
  readonly size: number;
  readonly pieces: readonly Uint8Array[];
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A message of these fields. */
export function message(...fields: readonly Encoded[]): Encoded {
  return {
    size: fields.reduce((sum, { size }) => sum + size, 0),
    pieces: fields.flatMap(({ pieces }) => pieces),
  };
}

/** A field of an integer from 0 to 2^53 - 1: of int32, int64 or an enum. */
export function integerField(number: number, value: number): Encoded {
  return encoded(Uint8Array.from([...tag(number, VARINT), ...varint(value)]));
}

/** A field of a 32-bit floating-point number. */
export function floatField(number: number, value: number): Encoded {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return encoded(Uint8Array.from([...tag(number, FIXED_32), ...bytes]));
}

/** A field of text. */
export function textField(number: number, value: string): Encoded {
  return bytesField(number, new TextEncoder().encode(value));
}

/** A field of bytes, which are not copied here. */
export function bytesField(number: number, value: Uint8Array): Encoded {
  return messageField(number, encoded(value));
}

/** A field of a message. */
export function messageField(number: number, { size, pieces }: Encoded): Encoded {
  const head = Uint8Array.from([...tag(number, LENGTH_DELIMITED), ...varint(size)]);
  return { size: head.length + size, pieces: [head, ...pieces] };
}

/** The bytes of a message in one piece. */
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

/** Seven bits a byte, the lowest first; all bytes but the last have the highest bit set. */
function varint(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} cannot be written as a varint`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}
