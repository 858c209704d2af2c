import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/models/builder';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { buffersOf, parametersOf, sizeOf, zeroGammaNormsOf } from '../../../src/models/graph';
import { cifarResNet } from '../../../src/models/networks/cifarResNet';
import { initialValues } from '../../../src/training/network/initialization';
import { Random } from '../../../src/training/random';

const graph = cifarResNet('resnet8', [8, 8, 1], 10, { width: 16 });

function valuesFor(seed: number, zeroGamma = false): Map<string, Float32Array> {
  return initialValues(graph, { zeroGamma }, Random.seeded(seed, 'initialization'));
}

describe('initialValues', () => {
  test('covers every parameter and buffer in its size', () => {
    const sizes = [...valuesFor(1)].map(([name, values]) => [name, values.length]);
    const specs = [...parametersOf(graph), ...buffersOf(graph)];
    expect(sizes).toEqual(specs.map(({ name, shape }) => [name, sizeOf(shape)]));
  });

  test('one seed gives one network, another seed another', () => {
    expect(valuesFor(1)).toEqual(valuesFor(1));
    expect(valuesFor(2).get('conv1.weight')).not.toEqual(valuesFor(1).get('conv1.weight'));
  });

  test('convolutions are normal with deviation sqrt(2 / fan out), the classifier uniform within 1 / sqrt(in)', () => {
    const values = valuesFor(1);
    const kernel = values.get('layer3.0.conv2.weight')!;
    const squares = kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length;
    expect(Math.sqrt(squares) / Math.sqrt(2 / (3 * 3 * 64))).toBeCloseTo(1, 1);
    const classifier = values.get('fc.weight')!;
    const largest = classifier.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(1 / 8);
    expect(largest).toBeGreaterThan(0.99 / 8);
  });

  test('VGG and Inception draw from their own distributions', () => {
    const drawn = (model: ModelSpec, size: number, name: string) =>
      initialValues(
        buildGraph(model, [size, size, 1], 10),
        { zeroGamma: false },
        Random.seeded(1, 'initialization'),
      ).get(name)!;
    const deviationOf = (values: Float32Array) =>
      Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    const vgg = { name: 'vgg16_bn', width: 4 } as const;
    expect(deviationOf(drawn(vgg, 32, 'classifier.3.weight'))).toBeCloseTo(0.01, 4);
    expect(new Set(drawn(vgg, 32, 'classifier.3.bias'))).toEqual(new Set([0]));
    const inception = { name: 'inception_v3', widthMultiplier: 0.25 } as const;
    expect(deviationOf(drawn(inception, 75, 'Mixed_7c.branch3x3dbl_2.conv.weight'))).toBeCloseTo(0.1, 3);
    const densenet = { name: 'densenet121', growthRate: 8 } as const;
    const kernel = drawn(densenet, 32, 'features.denseblock4.denselayer1.conv2.weight');
    expect(deviationOf(kernel) / Math.sqrt(2 / (3 * 3 * 32))).toBeCloseTo(1, 1);
  });

  test('a truncated normal stays within its bounds and fills them', () => {
    const builder = new GraphBuilder([1, 1, 100]);
    const kernel = builder.convolution('conv', builder.input, 100, {
      kernelSize: 1,
      initializer: () => ({ kind: 'truncated_normal', deviation: 1, bound: 1.5 }),
    });
    const values = initialValues(
      builder.build(kernel),
      { zeroGamma: false },
      Random.seeded(1, 'initialization'),
    ).get('conv.weight')!;
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(1.5);
    expect(largest).toBeGreaterThan(1.49);
    // Variance of a normal truncated to -1.5 to 1.5: 1 - 3 phi(1.5) / (2 Phi(1.5) - 1).
    expect(values.reduce((sum, value) => sum + value * value, 0) / values.length).toBeCloseTo(0.5515, 1);
  });

  test('norms start as the identity', () => {
    const values = valuesFor(1);
    expect(new Set(values.get('bn1.weight'))).toEqual(new Set([1]));
    expect(new Set(values.get('bn1.bias'))).toEqual(new Set([0]));
    expect(new Set(values.get('bn1.running_mean'))).toEqual(new Set([0]));
    expect(new Set(values.get('bn1.running_var'))).toEqual(new Set([1]));
  });

  test('zero gamma zeroes the last norm of each residual branch and changes nothing else', () => {
    const plain = valuesFor(1);
    const zeroed = valuesFor(1, true);
    const changed = [...plain.keys()].filter((name) => `${plain.get(name)}` !== `${zeroed.get(name)}`);
    expect(changed).toEqual(['layer1.0.bn2.weight', 'layer2.0.bn2.weight', 'layer3.0.bn2.weight']);
    expect(changed).toEqual(zeroGammaNormsOf(graph).map(({ gamma }) => gamma.name));
    for (const name of changed) expect(new Set(zeroed.get(name))).toEqual(new Set([0]));
  });
});
