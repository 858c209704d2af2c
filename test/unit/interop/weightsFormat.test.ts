import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { stateDictOf } from '../../../src/interop/export/stateDict';
import type { SystemName } from '../../../src/interop/export/system';
import { weightsFormat } from '../../../src/interop/export/weightsFormat';
import { buildGraph, type ModelSpec } from '../../../src/models/catalog';
import { buffersOf, type Graph, type ImageShape, parametersOf, sizeOf } from '../../../src/models/graph';
import wanted from '../../fixtures/state-dicts.json';

const CLASSES = 7;
const COLOR: ImageShape = [96, 96, 3];
const GRAY: ImageShape = [96, 96, 1];

function formatOf(model: ModelSpec, image: ImageShape, asked?: SystemName) {
  const graph = buildGraph(model, image, CLASSES);
  return { graph, format: weightsFormat(model, graph, asked) };
}

/** Returns zeros for all parameters and buffers of a graph. */
function zeros(graph: Graph): Map<string, Float32Array> {
  const all = [...parametersOf(graph), ...buffersOf(graph)];
  return new Map(all.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]));
}

describe("exported weights are the whole state dict of the system's own model, for load_state_dict(strict=True)", () => {
  const resnet = (name: 'resnet18' | 'resnet50', variant: 'A' | 'B' | 'C' | 'D', width = 64) =>
    ({ name, variant, width }) as const;

  test.each<[SystemName, ModelSpec, ImageShape]>([
    ['torchvision', resnet('resnet18', 'A'), COLOR],
    ['torchvision', resnet('resnet50', 'B'), COLOR],
    ['torchvision', { name: 'inception_v3', widthMultiplier: 1 }, COLOR],
    ['torchvision', { name: 'vgg16_bn', width: 64 }, COLOR],
    ['torchvision', { name: 'densenet121', growthRate: 32 }, COLOR],
    ['torchvision', { name: 'densenet121', growthRate: 8 }, COLOR],
    ['timm', resnet('resnet18', 'D'), GRAY],
    ['timm', resnet('resnet50', 'B'), GRAY],
    ['timm', resnet('resnet50', 'C'), COLOR],
    ['timm', resnet('resnet50', 'D', 16), COLOR],
    ['timm', { name: 'mobilenet_v1', widthMultiplier: 1 }, COLOR],
    ['timm', { name: 'mobilenet_v1', widthMultiplier: 1, activation: 'relu6' }, COLOR],
    ['timm', { name: 'inception_v3', widthMultiplier: 1 }, COLOR],
    ['timm', { name: 'vgg16_bn', width: 64 }, COLOR],
    ['timm', { name: 'densenet121', growthRate: 32 }, COLOR],
  ])('%s, %j, images of %j', (system, model, image) => {
    const { graph, format } = formatOf(model, image, system);
    if ('what' in format) throw new Error(format.what);
    expect(format.system).toBe(system);
    const tensors = stateDictOf(graph, zeros(graph), 1).map(format.rename);
    const lines = tensors.map(({ name, shape }) => `${name} ${shape.join(',')}`).sort();
    expect({
      tensors: lines.length,
      sha256: createHash('sha256').update(lines.join('\n')).digest('hex'),
    }).toEqual(wanted[format.build as keyof typeof wanted]);
  });
});

describe('weights that a system has no model for', () => {
  test.each<[string, SystemName, ModelSpec, ImageShape, RegExp]>([
    ['its tweaks', 'torchvision', { name: 'resnet50', width: 64, variant: 'D' }, COLOR, /no resnet50-D/],
    [
      'its strides',
      'torchvision',
      { name: 'resnet50', width: 64, variant: 'A' },
      COLOR,
      /strides in the first 1x1/,
    ],
    ['its strides', 'timm', { name: 'resnet50', width: 64, variant: 'A' }, COLOR, /strides in the first 1x1/],
    [
      'its width',
      'torchvision',
      { name: 'resnet18', width: 4, variant: 'B' },
      COLOR,
      /no resnet18-B, width 4/,
    ],
    ['gray images', 'torchvision', { name: 'resnet18', width: 64, variant: 'B' }, GRAY, /3 channels, not 1/],
    ['the model', 'torchvision', { name: 'mobilenet_v1', widthMultiplier: 1 }, COLOR, /no mobilenet_v1/],
    ['the model', 'timm', { name: 'resnet20', width: 16 }, COLOR, /no resnet20/],
    ['its width', 'timm', { name: 'vgg16_bn', width: 4 }, COLOR, /no vgg16_bn, width 4/],
  ])('are refused if %s differs, for %s', (_, system, model, image, reason) => {
    const { format } = formatOf(model, image, system);
    if (!('what' in format)) throw new Error('not refused');
    expect(format.what).toMatch(reason);
    expect(format.remedy).toContain('--onnx');
  });

  test('go to the other system if none was requested, and otherwise keep their own names, with the reasons', () => {
    const systemOf = (model: ModelSpec, image: ImageShape) => {
      const { format } = formatOf(model, image);
      return 'what' in format ? format : { system: format.system, notes: format.notes.length };
    };
    expect(systemOf({ name: 'resnet50', width: 64, variant: 'B' }, COLOR)).toEqual({
      system: 'torchvision',
      notes: 0,
    });
    expect(systemOf({ name: 'resnet50', width: 64, variant: 'B' }, GRAY)).toEqual({
      system: 'timm',
      notes: 0,
    });
    expect(systemOf({ name: 'resnet50', width: 64, variant: 'A' }, COLOR)).toEqual({
      system: null,
      notes: 2,
    });
    expect(systemOf({ name: 'cnn', width: 8 }, GRAY)).toEqual({ system: null, notes: 2 });
  });
});
