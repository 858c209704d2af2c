import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { buffersOf, type Graph, type ParameterSpec, parametersOf, sizeOf } from '../../../src/models/graph';
import { Network } from '../../../src/training/network/network';
import computed from '../../fixtures/torchvision/logits.json';

const PARAMETERS = readFileSync(join(__dirname, '../../fixtures/torchvision/parameters.txt'), 'utf8');

/** For each model, every parameter's name and shape in PyTorch's layout. */
const NAMED = PARAMETERS.split('# ')
  .slice(1)
  .map((section) => section.trimEnd().split('\n'));

const PLAIN: Readonly<Record<string, ModelSpec>> = {
  resnet18: { name: 'resnet18', width: 64, variant: 'B' },
  resnet50: { name: 'resnet50', width: 64, variant: 'B' },
  vgg16_bn: { name: 'vgg16_bn', width: 64 },
  densenet121: { name: 'densenet121', growthRate: 32 },
  inception_v3: { name: 'inception_v3', widthMultiplier: 1 },
  mobilenet_v1: { name: 'mobilenet_v1', widthMultiplier: 1 },
};

describe('the parameters of torchvision, and of timm for MobileNet, by name and shape', () => {
  test.each(NAMED.map(([name = '', ...lines]) => [name, lines] as const))('%s', (name, lines) => {
    const size = name === 'inception_v3' ? 299 : 224;
    const graph = buildGraph(PLAIN[name] as ModelSpec, [size, size, 3], 1000);
    const ours = parametersOf(graph).map((spec) => `${spec.name} ${torchShape(spec).join('x')}`);
    // The layers of parallel branches may be in another order.
    expect(ours.toSorted()).toEqual(lines.toSorted());
  });
});

describe('the outputs of PyTorch from the same weights', () => {
  beforeAll(async () => {
    await loadEngine('wasm');
  });

  test.each(computed.map(({ model, size, logits }) => [JSON.stringify(model), size, model, logits] as const))(
    '%s for images of %i pixels',
    (_name, size, model, logits) => {
      const graph = buildGraph(model as ModelSpec, [size, size, 3], 10);
      const network = new Network(graph, drawnValues(graph, model.name));
      const images = tf.tensor4d(channelsLast(drawn('images', 2 * 3 * size * size), size), [
        2,
        size,
        size,
        3,
      ]);
      const actual = network.predict(images);
      network.dispose();
      const expected = logits.flat();
      const scale = Math.max(...expected.map(Math.abs));
      for (const [index, value] of actual.dataSync().entries()) {
        expect(Math.abs(value - (expected[index] as number)) / scale, `${index}`).toBeLessThan(1e-4);
      }
      tf.dispose([images, actual]);
    },
  );
});

/** Returns values in [-1, 1) that depend only on a name, like `drawn` in make.py. */
function drawn(name: string, size: number): Float32Array {
  let seed = 0;
  for (const character of name) seed = (Math.imul(seed, 31) + character.charCodeAt(0)) | 0;
  return Float32Array.from({ length: size }, (_, index) => {
    let h = (index + seed) | 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    return (h >>> 0) / 2 ** 31 - 1;
  });
}

/** Returns the weights of make.py in our layouts. */
function drawnValues(graph: Graph, model: string): Map<string, Float32Array> {
  const parameters = parametersOf(graph).map((spec) => {
    const values = drawn(spec.name, sizeOf(spec.shape));
    if (spec.kind !== 'kernel') {
      return [
        spec.name,
        values.map((value) => (spec.kind === 'gamma' ? 1 + 0.2 * value : 0.1 * value)),
      ] as const;
    }
    const [filters = 1, ...fans] = torchShape(spec);
    const deviation = Math.sqrt(6 / sizeOf(fans));
    const scaled = values.map((value) => deviation * value);
    // VGG's first fully connected layer takes a 7 x 7 image, channels first in PyTorch.
    const seesImage = model === 'vgg16_bn' && spec.name === 'classifier.0.weight';
    const pixels = seesImage ? 49 : sizeOf(spec.shape.slice(0, -2));
    return [spec.name, outputsLast(scaled, filters, pixels)] as const;
  });
  const buffers = buffersOf(graph).map(({ name, shape, value }) => {
    const values = drawn(name, sizeOf(shape));
    return [name, values.map((each) => (value === 1 ? 1 + 0.2 * each : 0.1 * each))] as const;
  });
  return new Map([...parameters, ...buffers]);
}

/** Permutes [out, in, pixels] to [pixels, in, out]. */
function outputsLast(values: Float32Array, outputs: number, pixels: number): Float32Array {
  const channels = values.length / outputs / pixels;
  const moved = new Float32Array(values.length);
  let from = 0;
  for (let output = 0; output < outputs; output++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        moved[(pixel * channels + channel) * outputs + output] = values[from++] as number;
      }
    }
  }
  return moved;
}

/** Permutes [batch, 3, size, size] to [batch, size, size, 3]. */
function channelsLast(values: Float32Array, size: number): Float32Array {
  const pixels = size * size;
  const moved = new Float32Array(values.length);
  for (const [index, value] of values.entries()) {
    const [plane, pixel] = [Math.floor(index / pixels), index % pixels];
    const [image, channel] = [Math.floor(plane / 3), plane % 3];
    moved[(image * pixels + pixel) * 3 + channel] = value;
  }
  return moved;
}

/** Returns a parameter's shape in PyTorch: [out, in / groups, height, width], [out, in]. */
function torchShape({ kind, shape }: ParameterSpec): readonly number[] {
  if (kind !== 'kernel') return shape;
  const [a = 0, b = 0, channels, filters] = shape;
  return channels === undefined || filters === undefined ? [b, a] : [filters, channels, a, b];
}
