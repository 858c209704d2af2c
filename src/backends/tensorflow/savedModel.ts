import { assertNever } from '../../shared/assertNever';
import type { StoredType } from './binding';
import type { Attribute, GraphNode, RecordedGraph, Source } from './recording';

/** The tag of the saved model's only graph. */
export const TAG = 'serve';

/** A graph version that every TensorFlow 2 reads (tensorflow/core/public/version.h). */
const GRAPH_VERSION = 1087;

/** Returns the name of a tensor that a session uses for inputs and outputs. */
export function nameOf({ node, output }: Source): string {
  return `n${node}:${output}`;
}

/**
 * Encodes a graph as TensorFlow's `saved_model.pb`. Uses only the messages that ops without functions need: from
 * tensorflow/core/protobuf/saved_model.proto and meta_graph.proto, and from
 * tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto.
 */
export function savedModelOf({ nodes }: RecordedGraph): Uint8Array {
  const versions = message(4, integer(1, GRAPH_VERSION));
  const graph = [...nodes.map((node, index) => message(1, ...nodeOf(node, index))), versions];
  const tags = message(1, text(4, TAG));
  return Buffer.concat([integer(1, 1), message(2, tags, message(2, ...graph))]);
}

function nodeOf(node: GraphNode, index: number): Buffer[] {
  const named = (op: string) => [text(1, `n${index}`), text(2, op)];
  switch (node.kind) {
    case 'input':
      return [
        ...named('Placeholder'),
        attribute('dtype', typeValue(node.type)),
        attribute('shape', message(7, ...shapeOf(node.shape))),
      ];
    case 'constant':
      return [
        ...named('Const'),
        attribute('dtype', typeValue(node.type)),
        attribute(
          'value',
          message(8, integer(1, node.type), message(2, ...shapeOf(node.shape)), bytes(4, node.bytes)),
        ),
      ];
    case 'op':
      return [
        ...named(node.op),
        ...node.inputs.map((source) => text(3, nameOf(source))),
        ...Object.entries(node.attributes).map(([name, value]) => attribute(name, attributeValue(value))),
      ];
    default:
      return assertNever(node);
  }
}

/** Encodes an entry of a node's attributes. */
function attribute(name: string, value: Buffer): Buffer {
  return message(5, text(1, name), message(2, value));
}

function attributeValue(value: Attribute): Buffer {
  if (typeof value === 'string') return text(2, value);
  if (typeof value === 'boolean') return integer(5, Number(value));
  if ('int' in value) return integer(3, value.int);
  if ('float' in value) return float(4, value.float);
  if ('type' in value) return typeValue(value.type);
  return message(1, ...(value.length > 0 ? [message(3, ...value.map(variable))] : []));
}

function typeValue(type: StoredType | number): Buffer {
  return integer(6, type);
}

function shapeOf(shape: readonly number[]): Buffer[] {
  return shape.map((size) => message(2, integer(1, size)));
}

// The wire format of Protocol Buffers.

function message(field: number, ...parts: readonly Buffer[]): Buffer {
  return bytes(field, Buffer.concat(parts));
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function bytes(field: number, value: Uint8Array): Buffer {
  return Buffer.concat([variable(8 * field + 2), variable(value.length), value]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([variable(8 * field), variable(value)]);
}

function float(field: number, value: number): Buffer {
  const encoded = Buffer.alloc(4);
  encoded.writeFloatLE(value);
  return Buffer.concat([variable(8 * field + 5), encoded]);
}

/** Encodes a varint: seven bits per byte, lowest first. Negative numbers use 64-bit two's complement. */
function variable(value: number): Buffer {
  const groups: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) groups.push(Number(rest & 127n) | 128);
  return Buffer.from([...groups, Number(rest)]);
}
