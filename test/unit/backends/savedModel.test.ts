import { describe, expect, test } from 'vitest';
import { Recording, UnrecordableError } from '../../../src/backends/tensorflow/recording';
import { nameOf, savedModelOf } from '../../../src/backends/tensorflow/savedModel';

const FLOAT = 1;

describe('a recording', () => {
  test('says which op each tensor comes from', () => {
    const [x, y, z] = [{}, {}, {}];
    const recording = new Recording();
    recording.addInput(x, FLOAT, [2]);
    recording.addOp('Unpack', {}, [{ tensor: x }], [y, z]);
    recording.addOp('Neg', {}, [{ tensor: z }], [x]);
    expect(recording.finish([x, y])).toEqual({
      nodes: [
        { kind: 'input', type: FLOAT, shape: [2] },
        { kind: 'op', op: 'Unpack', attributes: {}, inputs: [{ node: 0, output: 0 }] },
        { kind: 'op', op: 'Neg', attributes: {}, inputs: [{ node: 1, output: 1 }] },
      ],
      inputs: [{ node: 0, output: 0 }],
      outputs: [
        { node: 2, output: 0 },
        { node: 1, output: 0 },
      ],
    });
  });

  test('records a constant once, and ignores later changes of its array', () => {
    const numbers = Float32Array.of(1);
    const recording = new Recording();
    const first = recording.constant('one', FLOAT, [], numbers);
    expect(recording.constant('one', FLOAT, [], numbers)).toBe(first);
    numbers[0] = 2;
    const { nodes } = recording.finish([]);
    expect(nodes).toEqual([
      { kind: 'constant', type: FLOAT, shape: [], bytes: Uint8Array.of(0, 0, 0x80, 0x3f) },
    ]);
  });

  test('refuses an unknown tensor, once everything is computed', () => {
    const recording = new Recording();
    recording.addOp('Neg', {}, [{ tensor: {} }], [{}]);
    expect(() => recording.finish([])).toThrow(UnrecordableError);
    expect(() => new Recording().finish([{}])).toThrow(UnrecordableError);
  });
});

describe('a saved model', () => {
  test('has the bytes that Protocol Buffers specify', () => {
    const nodes = [
      { kind: 'constant', type: FLOAT, shape: [300], bytes: Uint8Array.of(1, 2, 3, 4) },
      {
        kind: 'op',
        op: 'A',
        attributes: { f: { float: 1 }, i: { int: -1 }, l: [1, 2], n: [], b: true, s: 'x', t: { type: 14 } },
        inputs: [{ node: 0, output: 2 }],
      },
    ] as const;
    const model = Buffer.from(savedModelOf({ nodes, inputs: [], outputs: [] })).toString('hex');
    // TensorProto: dtype 1, shape {dim {size 300}}, tensor_content.
    expect(model).toContain('0801' + '1205' + '1203' + '08ac02' + '2204' + '01020304');
    // Attributes are map entries: the name, and the value's field in attr_value.proto.
    const entry = (name: string, value: string) => {
      const length = (hex: string) => (hex.length / 2).toString(16).padStart(2, '0');
      const both = `0a01${Buffer.from(name).toString('hex')}12${length(value)}${value}`;
      return `2a${length(both)}${both}`;
    };
    const attributes = [
      entry('f', '250000803f'),
      entry('i', '18ffffffffffffffffff01'),
      entry('l', '0a041a020102'),
      entry('n', '0a00'),
      entry('b', '2801'),
      entry('s', '120178'),
      entry('t', '300e'),
    ].join('');
    // NodeDef: name n1, op A, input n0:2, then the attributes.
    expect(model).toContain(`0a026e31120141${'1a046e303a32'}${attributes}`);
    // SavedModel: schema version 1. MetaGraphDef: its tags.
    expect(model).toMatch(/^080112/);
    expect(model).toContain(`0a0722057365727665`);
  });

  test('names a tensor by its node and its number', () => {
    expect(nameOf({ node: 12, output: 3 })).toBe('n12:3');
  });
});
