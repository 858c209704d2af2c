import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { type Graph, sizeOf } from '../../../src/models/graph';
import { torchLayoutsOf } from '../../../src/models/torchLayout';
import { initialValues } from '../../../src/training/network/initialization';
import { Network } from '../../../src/training/network/network';
import { Random } from '../../../src/training/random';
import { type FittedWeights, fitWeights, type HeadChoice } from '../../../src/weights/fitting';
import type { StoredTensor } from '../../../src/weights/storedTensor';
import { decodeWeights, type WeightsFile } from '../../../src/weights/weightsFile';
import torch from '../../fixtures/weights/resnet18.json';
import { fixture } from './fixtures';

const RESNET18: ModelSpec = { name: 'resnet18', width: 4, variant: 'B' };
const graphOf = (model: ModelSpec, channels = 3, classes = 5): Graph =>
  buildGraph(model, [32, 32, channels], classes);
const drawnFor = (graph: Graph) =>
  initialValues(graph, { zeroGamma: false }, Random.seeded(2, 'initialization'));

function fitted(file: WeightsFile, graph: Graph, head: HeadChoice): FittedWeights {
  const fitted = fitWeights(file, graph, head);
  if (!('values' in fitted)) throw new Error(fitted.what);
  return fitted;
}

/** Returns a file of a network's values in PyTorch's layout, with changed names and shapes. */
function torchFileOf(
  graph: Graph,
  change: (tensor: StoredTensor) => Partial<StoredTensor> = () => ({}),
): WeightsFile {
  const values = drawnFor(graph);
  const tensors = torchLayoutsOf(graph).map(({ name, torchShape, toTorch }) => {
    const tensor = { name, shape: torchShape, read: () => toTorch(values.get(name) as Float32Array) };
    return { ...tensor, ...change(tensor) };
  });
  return { tensors, layout: 'torch', choice: null };
}

describe("torchvision's ResNet-18 in PyTorch's half precision", () => {
  beforeAll(async () => {
    await loadEngine('wasm');
  });

  async function logitsOf(channels: 1 | 3, images: readonly number[]): Promise<number[]> {
    const graph = graphOf(RESNET18, channels);
    const { values } = fitted(decodeWeights(fixture('resnet18.pth')), graph, 'auto');
    const network = new Network(graph, values);
    const logits = network.predict(tf.tensor4d([...images], [2, 32, 32, channels]));
    const read = [...(await logits.data())];
    logits.dispose();
    network.dispose();
    return read;
  }

  function expectClose(found: readonly number[], expected: readonly number[]): void {
    expect(found).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 4);
  }

  test("has PyTorch's logits", async () => {
    expectClose(await logitsOf(3, torch.images), torch.logits.flat());
  });

  test('has on gray images the logits that PyTorch has with equal colors', async () => {
    expectClose(await logitsOf(1, torch.gray), torch.grayLogits.flat());
  });
});

describe('the classifier', () => {
  const file = torchFileOf(graphOf(RESNET18, 3, 5));
  const isHead = (name: string) => name.startsWith('fc.');

  test("is the file's if the classes are the same and head is auto", () => {
    const graph = graphOf(RESNET18, 3, 5);
    expect(fitted(file, graph, 'auto')).toEqual({
      ...{ values: drawnFor(graph), newHead: null, isGray: false, skipped: [] },
    });
  });

  test("is new if the classes differ, which is reported; everything else is the file's", () => {
    const { values, newHead } = fitted(file, graphOf(RESNET18, 3, 7), 'auto');
    expect(newHead).toBe(
      'The classifier fc is newly initialized: the weights have 5 classes, and the data set has 7.',
    );
    expect([...values.keys()].filter(isHead)).toEqual([]);
    const expected = drawnFor(graphOf(RESNET18, 3, 5));
    expect(values.size).toBe(expected.size - 2);
    for (const [name, value] of values) expect(value, name).toEqual(expected.get(name));
  });

  test('is new if head is new, and other heads of the file are skipped', () => {
    const projector: StoredTensor = {
      name: 'projector.0.weight',
      shape: [2],
      read: () => new Float32Array(2),
    };
    const more = { ...file, tensors: [...file.tensors, projector] };
    const graph = graphOf(RESNET18, 3, 5);
    const { values, newHead, skipped } = fitted(more, graph, 'new');
    expect(newHead).toBe('The classifier fc is newly initialized: head is new.');
    expect([...values.keys()].filter(isHead)).toEqual([]);
    expect(skipped).toEqual(['projector.0.weight']);
    expect(fitWeights(more, graph, 'auto')).toMatchObject({
      what: expect.stringContaining('projector.0.weight'),
    });
  });

  test('is new if the weights have none', () => {
    const backbone = { ...file, tensors: file.tensors.filter(({ name }) => !isHead(name)) };
    expect(fitted(backbone, graphOf(RESNET18), 'auto').newHead).toBe(
      'The classifier fc is newly initialized: the weights do not contain it.',
    );
    expect(fitWeights(backbone, graphOf(RESNET18), 'keep')).toMatchObject({
      what: 'The weights belong to a different model: the file lacks fc.weight, fc.bias.',
    });
  });

  test('of another width is refused as the weights of another model', () => {
    const wide = torchFileOf(graphOf({ ...RESNET18, width: 8 }));
    expect(fitWeights(wide, graphOf(RESNET18), 'new')).toMatchObject({
      what: expect.stringContaining('conv1.weight is [8, 3, 7, 7] but must be [4, 3, 7, 7]'),
    });
  });
});

describe('weights under the names of other programs', () => {
  test("are accepted for DenseNet as PyTorch's first versions wrote it", () => {
    const graph = graphOf({ name: 'densenet121', growthRate: 4 });
    const old = torchFileOf(graph, ({ name }) => ({
      name: name.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2'),
    }));
    expect(old.tensors.map(({ name }) => name)).toContain('features.denseblock1.denselayer1.norm.1.weight');
    expect(fitted(old, graph, 'keep').values).toEqual(drawnFor(graph));
  });

  test("are accepted for timm's VGG, whose first fully connected layers are convolutions", () => {
    const graph = graphOf({ name: 'vgg16_bn', width: 2 });
    const names = new Map([
      ['classifier.0', 'pre_logits.fc1'],
      ['classifier.3', 'pre_logits.fc2'],
      ['classifier.6', 'head.fc'],
    ]);
    const timm = torchFileOf(graph, ({ name, shape }) => {
      const [, layer = '', part] = /^(.*)\.(\w+)$/.exec(name) ?? [];
      const [outputs = 0, inputs = 0] = shape;
      return {
        name: `${names.get(layer) ?? layer}.${part}`,
        ...(name === 'classifier.0.weight' && { shape: [outputs, inputs / 49, 7, 7] }),
        ...(name === 'classifier.3.weight' && { shape: [outputs, inputs, 1, 1] }),
      };
    });
    expect(fitted(timm, graph, 'keep').values).toEqual(drawnFor(graph));
  });

  test('are accepted for Inception without its auxiliary classifier, and without counts of batches', () => {
    const graph = buildGraph({ name: 'inception_v3', widthMultiplier: 0.1 }, [75, 75, 3], 5);
    const { tensors, ...rest } = torchFileOf(graph);
    const others = ['AuxLogits.fc.weight', 'Conv2d_1a_3x3.bn.num_batches_tracked'].map((name) => ({
      ...{ name, shape: [1], read: () => new Float32Array(1) },
    }));
    expect(fitted({ ...rest, tensors: [...tensors, ...others] }, graph, 'keep').values).toEqual(
      drawnFor(graph),
    );
  });
});

describe('the first convolution', () => {
  test.each(['torch', 'tensorflow'] as const)(
    'is summed over colors for gray images, in the layout of %s',
    (layout) => {
      const colored = graphOf(RESNET18, 3);
      const drawn = drawnFor(colored);
      const tensors = torchLayoutsOf(colored).map(({ name, shape, torchShape, toTorch }) => {
        const own = drawn.get(name) as Float32Array;
        return layout === 'torch'
          ? { name, shape: torchShape, read: () => toTorch(own) }
          : { name, shape, read: () => own };
      });
      const file = { tensors, layout, choice: null };
      const { values, isGray } = fitted(file, graphOf(RESNET18, 1), 'auto');
      expect(isGray).toBe(true);
      const [kernel, summed] = [drawn.get('conv1.weight')!, values.get('conv1.weight')!];
      expect(summed).toHaveLength(sizeOf([7, 7, 1, 4]));
      for (const pixel of [0, 20, 48]) {
        for (const filter of [0, 3]) {
          const sum = [0, 1, 2].reduce(
            (total, color) => total + kernel[(pixel * 3 + color) * 4 + filter]!,
            0,
          );
          expect(summed[pixel * 4 + filter]).toBeCloseTo(sum, 6);
        }
      }
      expect(fitWeights(file, graphOf(RESNET18, 1), 'keep')).toMatchObject({
        what: expect.stringContaining('have the wrong shape: '),
      });
    },
  );
});
