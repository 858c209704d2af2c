import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { encodeOnnx } from '../../../src/interop/export/onnx';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import {
  buffersOf,
  type Graph,
  type ImageShape,
  type Layer,
  parametersOf,
  sizeOf,
} from '../../../src/models/graph';
import { modelText } from '../../../src/models/modelText';
import { Network } from '../../../src/training/network/network';
import logitsOfOnnxRuntime from '../../fixtures/onnx/logits.json';
import {
  FIXTURE_IMAGES,
  fixtureFacts,
  fixtureImages,
  fixtureValues,
  ONNX_FIXTURES,
  type OnnxFixture,
} from '../../support/onnxFixtures';
import { type OnnxFile, readOnnx } from './onnxReader';

/** A file that ONNX Runtime has read. See bench/parity/exports.ts. */
const fixture = (name: OnnxFixture) => readFileSync(join(__dirname, '../../fixtures/onnx', `${name}.onnx`));
const FIXTURES = Object.entries(ONNX_FIXTURES) as [OnnxFixture, Graph][];

const encoded = (graph: Graph) => encodeOnnx(graph, fixtureValues(graph), fixtureFacts(graph));

/** A small instance of every model, with an image shape that it accepts. */
const MODELS: readonly (readonly [ModelSpec, ImageShape])[] = [
  [{ name: 'resnet20', width: 4 }, [32, 32, 1]],
  ...(['A', 'B', 'C', 'D'] as const).map(
    (variant) => [{ name: 'resnet50', width: 4, variant }, [64, 48, 3]] as const,
  ),
  [{ name: 'resnet18', width: 4, variant: 'A', stochasticDepth: 0.2 }, [33, 65, 3]],
  [{ name: 'resnet9', width: 4 }, [32, 32, 3]],
  [{ name: 'mobilenet_v1', widthMultiplier: 0.25 }, [64, 64, 3]],
  [{ name: 'mobilenet_v1', widthMultiplier: 0.25, activation: 'relu6' }, [64, 64, 3]],
  [{ name: 'inception_v3', widthMultiplier: 0.1 }, [80, 80, 3]],
  [{ name: 'vgg16_bn', width: 2 }, [64, 64, 3]],
  [{ name: 'densenet121', growthRate: 4 }, [64, 64, 3]],
  [{ name: 'cnn', width: 4 }, [28, 28, 1]],
  [{ name: 'mlp', hidden: [8, 8] }, [28, 28, 1]],
];

/** The operators for each kind of layer, as named in onnx/docs/Operators.md. */
const OPERATORS: Readonly<Record<Exclude<Layer['kind'], 'pool'>, readonly string[]>> = {
  input: [],
  conv2d: ['Conv'],
  batch_norm: ['BatchNormalization'],
  relu: ['Relu'],
  relu6: ['Clip'],
  add: ['Add'],
  concat: ['Concat'],
  dropout: [],
  adaptive_average_pool: ['MatMul', 'MatMul'],
  global_average_pool: ['GlobalAveragePool', 'Flatten'],
  flatten: ['Flatten'],
  dense: ['Gemm'],
};

function operatorsOf(layer: Layer): readonly string[] {
  if (layer.kind !== 'pool') return OPERATORS[layer.kind];
  return [layer.mode === 'max' ? 'MaxPool' : 'AveragePool'];
}

/** Returns the ordering problems of a file's nodes: a node may only read values that come before it. */
function orderProblems({ nodes, initializers, inputs, outputs }: OnnxFile): string[] {
  const known = new Set([...initializers, ...inputs].map(({ name }) => name));
  const problems: string[] = [];
  for (const node of nodes) {
    for (const input of node.inputs) if (!known.has(input)) problems.push(`${node.name} reads ${input}`);
    for (const output of node.outputs) {
      if (known.has(output)) problems.push(`${output} is made twice`);
      known.add(output);
    }
  }
  for (const { name } of outputs) if (!known.has(name)) problems.push(`nothing makes ${name}`);
  return problems;
}

describe('an ONNX file', () => {
  test.each(MODELS.map(([model, image]) => [modelText(model), model, image] as const))(
    'of %s has its layers and its weights in the layout of PyTorch',
    (_, model, image) => {
      const graph = buildGraph(model, image, 5);
      const file = readOnnx(encoded(graph));
      expect(file.nodes.map(({ operator }) => operator)).toEqual(graph.layers.flatMap(operatorsOf));
      expect(orderProblems(file)).toEqual([]);
      const shapes = new Map(file.initializers.map(({ name, shape }) => [name, shape]));
      expect(shapes.size).toBe(file.initializers.length);
      for (const { name, kind, shape } of parametersOf(graph)) {
        const [a, b, channels, filters] = shape;
        const kernel = filters === undefined ? [b, a] : [filters, channels, a, b];
        expect(shapes.get(name), name).toEqual(kind === 'kernel' ? kernel : shape);
      }
      for (const { name, shape } of buffersOf(graph)) expect(shapes.get(name), name).toEqual(shape);
      for (const { name, shape, values } of file.initializers) {
        expect(values.length, name).toBe(sizeOf(shape));
      }
      const pools = graph.layers.filter(({ kind }) => kind === 'adaptive_average_pool').length;
      // The lower and upper bound of every ReLU6.
      const ends = graph.layers.some(({ kind }) => kind === 'relu6') ? 2 : 0;
      expect(shapes.size).toBe(parametersOf(graph).length + buffersOf(graph).length + 2 * pools + ends);
      const [height, width, channels] = image;
      expect(file.inputs).toEqual([{ name: 'images', shape: ['batch', channels, height, width] }]);
      expect(file.outputs).toEqual([{ name: 'logits', shape: ['batch', 5] }]);
    },
  );

  test('says how images are preprocessed and what the classes are called', () => {
    const file = readOnnx(encoded(ONNX_FIXTURES.layers));
    expect(file).toMatchObject({
      irVersion: 8,
      producer: 'bag-of-tricks 1.2.3',
      opsets: [{ domain: '', version: 17 }],
      graph: 'fixture',
    });
    expect(file.metadata).toEqual({
      class_names: '["apple","Äpfel","梨","class 10","class 9"]',
      mean: '[0.485,0.456,0.406]',
      std: '[0.229,0.224,0.225]',
      image_size: '[11,9]',
      channels: '3',
      interpolation: 'bicubic',
      crop_pct: '0.875',
      model: 'small',
      run_id: '2026-01-01-small',
    });
  });

  test('has the strides, paddings, groups and constants of the layers', () => {
    const { nodes } = readOnnx(encoded(ONNX_FIXTURES.layers));
    const attributes = (name: string) => nodes.find((node) => node.name === name)?.attributes;
    expect(attributes('stem')).toEqual({
      group: 1,
      kernel_shape: [3, 1],
      strides: [2, 2],
      pads: [1, 0, 1, 0],
    });
    expect(attributes('depthwise')).toMatchObject({ group: 6, pads: [1, 1, 1, 1] });
    expect(attributes('norm')?.epsilon).toBe(Math.fround(1e-3));
    expect(attributes('hidden')).toEqual({ transB: 1 });
    const pools = nodes.filter(({ operator }) => operator.endsWith('Pool'));
    expect(
      pools.map(({ operator, attributes: { pads, count_include_pad } }) => [
        operator,
        pads,
        count_include_pad,
      ]),
    ).toEqual([
      ['MaxPool', [1, 1, 1, 1], undefined],
      ['AveragePool', [1, 1, 1, 1], 0],
      ['AveragePool', [1, 1, 1, 1], 1],
      ['AveragePool', [0, 0, 1, 1], 0],
    ]);
    // The last layer is a dropout, which is not a node.
    expect(nodes.at(-1)).toMatchObject({ operator: 'Gemm', outputs: ['logits'] });
  });

  test.each(FIXTURES)('is byte-identical to the one that ONNX Runtime read: %s', (name, graph) => {
    expect(Buffer.from(encoded(graph)).equals(fixture(name))).toBe(true);
  });

  test('cannot be written without a value', () => {
    const graph = ONNX_FIXTURES.resnet8;
    const values = fixtureValues(graph);
    values.delete('bn1.running_var');
    expect(() => encodeOnnx(graph, values, fixtureFacts(graph))).toThrow('There is no bn1.running_var');
  });
});

describe('the logits of ONNX Runtime', () => {
  beforeAll(async () => {
    await loadEngine('wasm');
  });

  test.each(FIXTURES)('equal those of the network: %s', (name, graph) => {
    const network = new Network(graph, fixtureValues(graph));
    const shape = graph.layers[0]?.shape as ImageShape;
    const images = tf.tensor4d(fixtureImages(graph), [FIXTURE_IMAGES, ...shape]);
    const logits = network.predict(images);
    const expected = logitsOfOnnxRuntime[name].flat();
    expect(logits.shape).toEqual([FIXTURE_IMAGES, 5]);
    for (const [index, logit] of logits.dataSync().entries()) {
      expect(Math.abs(logit - (expected[index] as number)), `${index}`).toBeLessThan(1e-5);
    }
    tf.dispose([images, logits]);
    network.dispose();
  });
});
