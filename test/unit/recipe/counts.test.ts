import { describe, expect, test } from 'vitest';
import { buildGraph, CIFAR_RESNET_NAMES, type ModelSpec } from '../../../src/models/catalog';
import {
  elementsOf,
  type Graph,
  multiplyAddsOf,
  parametersOf,
  zeroGammaNormsOf,
} from '../../../src/models/graph';
import goldens from '../../fixtures/goldens.json';

function imageNet(model: ModelSpec, size = 224): Graph {
  return buildGraph(model, [size, size, 3], 1000);
}

function resNet(name: 'resnet18' | 'resnet50', variant: 'A' | 'B' | 'C' | 'D'): Graph {
  return imageNet({ name, width: 64, variant });
}

function countsOf(graph: Graph) {
  const parameters = parametersOf(graph);
  const free = parameters.filter(({ kind }) => kind !== 'kernel');
  return {
    parameters: elementsOf(parameters),
    zero_gamma_norms: zeroGammaNormsOf(graph).length,
    no_decay_tensors: free.length,
    no_decay_elements: elementsOf(free),
    decay_tensors: parameters.length - free.length,
  };
}

describe('networks have the counts of torchvision and timm', () => {
  const { resnet18, resnet50, resnet50d } = goldens.counts;

  test('ResNet-18', () => {
    expect(countsOf(resNet('resnet18', 'A'))).toEqual(resnet18);
  });

  test('ResNet-50', () => {
    const { parameters, zero_gamma_norms } = resnet50;
    expect(countsOf(resNet('resnet50', 'B'))).toMatchObject({ parameters, zero_gamma_norms });
  });

  test('ResNet-50-D', () => {
    expect(countsOf(resNet('resnet50', 'D'))).toMatchObject(resnet50d);
  });

  test.each(['A', 'B', 'C', 'D'] as const)(
    'ResNet-50-%s has the multiply-adds of an image of 224 x 224',
    (variant) => {
      expect(multiplyAddsOf(resNet('resnet50', variant))).toBe(resnet50.multiply_adds_224[variant]);
    },
  );

  // Parameters: sums over torchvision 0.29's parameters, and timm 1.0.31's for MobileNet. Multiply-adds: from
  // torchvision's documentation, in units of 10^9 with two decimals, and 568.74 x 10^6 for MobileNet.
  test.each<[ModelSpec, { size?: number; parameters: number; giga: number; residualBlocks: number }]>([
    [
      { name: 'resnet34', width: 64, variant: 'B' },
      { parameters: 21_797_672, giga: 3.66, residualBlocks: 16 },
    ],
    [
      { name: 'resnet101', width: 64, variant: 'B' },
      { parameters: 44_549_160, giga: 7.8, residualBlocks: 33 },
    ],
    [
      { name: 'resnet152', width: 64, variant: 'B' },
      { parameters: 60_192_808, giga: 11.51, residualBlocks: 50 },
    ],
    [
      { name: 'vgg16_bn', width: 64 },
      { parameters: 138_365_992, giga: 15.47, residualBlocks: 0 },
    ],
    [
      { name: 'densenet121', growthRate: 32 },
      { parameters: 7_978_856, giga: 2.83, residualBlocks: 0 },
    ],
    [
      { name: 'inception_v3', widthMultiplier: 1 },
      { size: 299, parameters: 23_834_568, giga: 5.71, residualBlocks: 0 },
    ],
    [
      { name: 'mobilenet_v1', widthMultiplier: 1 },
      { parameters: 4_231_976, giga: 0.57, residualBlocks: 0 },
    ],
  ])('$name', (model, { size, parameters, giga, residualBlocks }) => {
    const graph = imageNet(model, size);
    expect(countsOf(graph)).toMatchObject({ parameters, zero_gamma_norms: residualBlocks });
    expect((multiplyAddsOf(graph) / 1e9).toFixed(2)).toBe(giga.toFixed(2));
  });
});

describe('small networks have the counts of their sources', () => {
  // 6n + 2 layers and 3n blocks.
  test.each(CIFAR_RESNET_NAMES)('%s has one zero gamma norm per block and its depth in layers', (name) => {
    const graph = buildGraph({ name, width: 16 }, [32, 32, 3], 10);
    const depth = Number(name.slice('resnet'.length));
    const blocks = (depth - 2) / 2;
    expect(zeroGammaNormsOf(graph)).toHaveLength(blocks);
    const layers = graph.layers.filter(
      (layer) => (layer.kind === 'conv2d' && !layer.name.includes('downsample')) || layer.kind === 'dense',
    );
    expect(layers).toHaveLength(depth);
  });

  test.each<[ModelSpec, [number, number, number], number, number]>([
    // He et al. 2016, table 6: 0.27 M, 0.85 M and 1.7 M. Its shortcuts have no parameters, ours have 2,752.
    [{ name: 'resnet20', width: 16 }, [32, 32, 3], 269_722 + 2752, 9],
    [{ name: 'resnet56', width: 16 }, [32, 32, 3], 853_018 + 2752, 27],
    [{ name: 'resnet110', width: 16 }, [32, 32, 3], 1_727_962 + 2752, 54],
    // Page's 6,573,120 plus the classifier's bias.
    [{ name: 'resnet9', width: 64 }, [32, 32, 3], 6_573_130, 2],
    // PyTorch's MNIST example and its quickstart.
    [{ name: 'cnn', width: 32 }, [28, 28, 1], 1_199_882, 0],
    [{ name: 'mlp', hidden: [512, 512] }, [28, 28, 1], 669_706, 0],
  ])('$name', (model, input, parameters, zeroGammaNorms) => {
    const graph = buildGraph(model, input, 10);
    expect(countsOf(graph)).toMatchObject({ parameters, zero_gamma_norms: zeroGammaNorms });
  });

  test('MobileNet at half width has the 1.3 M parameters and 149 M multiply-adds of its table 6', () => {
    const graph = imageNet({ name: 'mobilenet_v1', widthMultiplier: 0.5 });
    expect((countsOf(graph).parameters / 1e6).toFixed(1)).toBe('1.3');
    expect(Math.round(multiplyAddsOf(graph) / 1e6)).toBe(149);
  });
});

const ALL: readonly ModelSpec[] = [
  { name: 'resnet20', width: 16 },
  { name: 'resnet50', width: 64, variant: 'A' },
  { name: 'resnet50', width: 64, variant: 'D' },
  { name: 'resnet9', width: 64 },
  { name: 'mobilenet_v1', widthMultiplier: 0.75 },
  { name: 'inception_v3', widthMultiplier: 1 },
  { name: 'vgg16_bn', width: 64 },
  { name: 'densenet121', growthRate: 32 },
  { name: 'cnn', width: 32 },
  { name: 'mlp', hidden: [64] },
];

test.each(ALL)('every tensor of $name has its own name', (model) => {
  const names = parametersOf(imageNet(model)).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

describe('stochastic depth', () => {
  const dropped = (graph: Graph) =>
    graph.layers.filter((layer) => layer.kind === 'dropout').map(({ rate, per }) => ({ rate, per }));

  test.each<[ModelSpec, number]>([
    [{ name: 'resnet110', width: 16, stochasticDepth: 0.5 }, 54],
    [{ name: 'resnet50', width: 64, variant: 'B', stochasticDepth: 0.2 }, 16],
    [{ name: 'resnet9', width: 64, stochasticDepth: 0.1 }, 2],
  ])('of $name drops images of block l of L with probability rate x l / L', (model, blocks) => {
    const rate = 'stochasticDepth' in model ? (model.stochasticDepth ?? 0) : 0;
    const expected = Array.from({ length: blocks }, (_, index) => ({
      rate: expect.closeTo((rate * (index + 1)) / blocks, 12),
      per: 'image',
    }));
    expect(dropped(buildGraph(model, [64, 64, 3], 10))).toEqual(expected);
  });

  test('adds no parameter and no multiply-add, and at rate 0 no layer', () => {
    const plain = buildGraph({ name: 'resnet20', width: 16 }, [32, 32, 3], 10);
    const deep = buildGraph({ name: 'resnet20', width: 16, stochasticDepth: 0.5 }, [32, 32, 3], 10);
    expect(parametersOf(deep)).toEqual(parametersOf(plain));
    expect(multiplyAddsOf(deep)).toBe(multiplyAddsOf(plain));
    expect(buildGraph({ name: 'resnet20', width: 16, stochasticDepth: 0 }, [32, 32, 3], 10)).toEqual(plain);
  });

  test('ends a branch: only the sum reads its dropout', () => {
    const graph = buildGraph(
      { name: 'resnet50', width: 8, variant: 'D', stochasticDepth: 0.2 },
      [64, 64, 3],
      10,
    );
    for (const [id, layer] of graph.layers.entries()) {
      if (layer.kind !== 'dropout') continue;
      expect(graph.layers[layer.input]).toMatchObject({ kind: 'batch_norm', endsResidualBranch: true });
      const readers = graph.layers.filter((other) => 'inputs' in other && other.inputs.includes(id));
      expect(readers.map(({ kind }) => kind)).toEqual(['add']);
    }
  });
});
