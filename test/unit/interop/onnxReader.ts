/**
 * Reads ONNX files for the tests: Protocol Buffers fields by their numbers in onnx.proto. Shares no code with the
 * writer.
 */

/** A message's fields by field number, in file order: numbers, and the bytes of strings, byte fields and messages. */
export type Fields = ReadonlyMap<number, readonly (number | Buffer)[]>;

/** @throws if the bytes are not a message with fields of the three wire types that ONNX uses */
export function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (number | Buffer)[]>();
  let position = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(position++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  while (position < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const values = fields.get(number) ?? [];
    fields.set(number, values);
    switch (tag % 8) {
      case 0:
        values.push(varint());
        break;
      case 2: {
        const length = varint();
        if (position + length > bytes.length) throw new Error(`Field ${number} ends past its message`);
        values.push(bytes.subarray(position, position + length));
        position += length;
        break;
      }
      case 5:
        values.push(bytes.readFloatLE(position));
        position += 4;
        break;
      default:
        throw new Error(`Field ${number} has the wire type ${tag % 8}`);
    }
  }
  return fields;
}

export interface OnnxNode {
  readonly operator: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface OnnxFile {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
  readonly outputs: OnnxFile['inputs'];
}

export function readOnnx(file: Uint8Array): OnnxFile {
  const model = fieldsOf(Buffer.from(file));
  const graph = message(model, 7);
  const metadata = messages(model, 14).map((entry) => [text(entry, 1), text(entry, 2)]);
  return {
    irVersion: integer(model, 1),
    producer: `${text(model, 2)} ${text(model, 3)}`,
    opsets: messages(model, 8).map((opset) => ({ domain: text(opset, 1), version: integer(opset, 2) })),
    metadata: Object.fromEntries(metadata),
    graph: text(graph, 2),
    nodes: messages(graph, 1).map((node) => ({
      operator: text(node, 4),
      name: text(node, 3),
      inputs: texts(node, 1),
      outputs: texts(node, 2),
      attributes: Object.fromEntries(messages(node, 5).map((each) => [text(each, 1), attribute(each)])),
    })),
    initializers: messages(graph, 5).map(tensor),
    inputs: messages(graph, 11).map(valueInfo),
    outputs: messages(graph, 12).map(valueInfo),
  };
}

/** Reads a value by its AttributeType: FLOAT, INT or INTS. */
function attribute(fields: Fields): number | number[] {
  switch (integer(fields, 20)) {
    case 1:
      return number(fields, 2);
    case 2:
      return integer(fields, 3);
    case 7:
      return (fields.get(8) ?? []).map(Number);
    default:
      throw new Error(`The attribute ${text(fields, 1)} is of another type`);
  }
}

function tensor(fields: Fields): OnnxTensor {
  const name = text(fields, 8);
  if (integer(fields, 2) !== 1) throw new Error(`${name} is not of float32`);
  const raw = buffer(fields, 9);
  const values = Array.from({ length: raw.length / 4 }, (_, index) => raw.readFloatLE(4 * index));
  return { name, shape: (fields.get(1) ?? []).map(Number), values };
}

function valueInfo(fields: Fields): { name: string; shape: (number | string)[] } {
  const type = message(message(fields, 2), 1);
  if (integer(type, 1) !== 1) throw new Error(`${text(fields, 1)} is not of float32`);
  const dimensions = messages(message(type, 2), 1);
  return {
    name: text(fields, 1),
    shape: dimensions.map((each) => (each.has(1) ? integer(each, 1) : text(each, 2))),
  };
}

function number(fields: Fields, at: number): number {
  const [value, ...more] = fields.get(at) ?? [];
  if (typeof value !== 'number' || more.length > 0) throw new Error(`Field ${at} is not one number`);
  return value;
}

function integer(fields: Fields, at: number): number {
  const value = number(fields, at);
  if (!Number.isInteger(value)) throw new Error(`Field ${at} is ${value}`);
  return value;
}

function buffers(fields: Fields, at: number): Buffer[] {
  return (fields.get(at) ?? []).map((value) => {
    if (typeof value === 'number') throw new Error(`Field ${at} is a number`);
    return value;
  });
}

function buffer(fields: Fields, at: number): Buffer {
  const [value, ...more] = buffers(fields, at);
  if (!value || more.length > 0) throw new Error(`Field ${at} is not there once`);
  return value;
}

function texts(fields: Fields, at: number): string[] {
  return buffers(fields, at).map((value) => value.toString('utf8'));
}

function text(fields: Fields, at: number): string {
  return buffer(fields, at).toString('utf8');
}

function messages(fields: Fields, at: number): Fields[] {
  return buffers(fields, at).map(fieldsOf);
}

function message(fields: Fields, at: number): Fields {
  return fieldsOf(buffer(fields, at));
}
