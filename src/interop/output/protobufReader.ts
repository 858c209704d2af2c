/**
 * Reads Protocol Buffers (https://protobuf.dev/programming-guides/encoding/) without a schema. `export/protobuf.ts`
 * writes them.
 */

export type Field =
  | { readonly number: number; readonly kind: 'integer'; readonly value: number }
  /** Bytes, text, a message or packed numbers. A view of the message's bytes. */
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array }
  /** 4 or 8 bytes, little-endian: a float, double or integer. */
  | { readonly number: number; readonly kind: 'fixed'; readonly value: DataView };

/** Returns the fields of a message in their order. Null if the bytes are not a message. */
export function fieldsIn(message: Uint8Array): Field[] | null {
  const reader = new MessageReader(message);
  const fields: Field[] = [];
  while (reader.at < message.length) {
    const field = reader.field();
    if (field === null) return null;
    fields.push(field);
  }
  return fields;
}

/** Returns the bytes of the last field with this number, as a message's reader would; null if there is none. */
export function bytesField(fields: readonly Field[], number: number): Uint8Array | null {
  const field = fields.findLast((each) => each.number === number);
  return field?.kind === 'bytes' ? field.value : null;
}

/** Returns the integer of the last field with this number; null if there is none. */
export function integerField(fields: readonly Field[], number: number): number | null {
  const field = fields.findLast((each) => each.number === number);
  return field?.kind === 'integer' ? field.value : null;
}

/** Reads a signed integer of up to 64 bits at the start of `bytes`; null if it does not end. */
export function varintIn(bytes: Uint8Array): number | null {
  return new MessageReader(bytes).varint();
}

class MessageReader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  field(): Field | null {
    const tag = this.varint();
    if (tag === null || tag < 8) return null;
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0: {
        const value = this.varint();
        return value === null ? null : { number, kind: 'integer', value };
      }
      case 1:
        return this.#fixed(number, 8);
      case 2: {
        const length = this.varint();
        const value = length === null ? null : this.#take(length);
        return value && { number, kind: 'bytes', value };
      }
      case 5:
        return this.#fixed(number, 4);
      default:
        // Groups are not used any more.
        return null;
    }
  }

  /** Reads an integer. Above 2^53 it is rounded. */
  varint(): number | null {
    let value = 0;
    for (let index = 0; index < 10; index++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) return null;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value < 2 ** 63 ? value : value - 2 ** 64;
    }
    return null;
  }

  #fixed(number: number, length: number): Field | null {
    const value = this.#take(length);
    return value && { number, kind: 'fixed', value: viewOf(value) };
  }

  #take(length: number): Uint8Array | null {
    if (length < 0 || length > this.bytes.length - this.at) return null;
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
