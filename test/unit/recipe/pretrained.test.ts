import { describe, expect, test } from 'vitest';
import type { ModelSpec } from '../../../src/models/catalog';
import {
  fullWeightsName,
  modelMismatch,
  PUBLISHED_WEIGHTS,
  preprocessingOf,
  weightsSource,
} from '../../../src/recipe/pretrained';
import published from '../../fixtures/weights/published.json';

const entries = Object.entries(published).map(([name, entry]) => ({ name, ...entry }));

describe('published weights', () => {
  test('are those that torchvision and timm have for the models here', () => {
    const short = (name: string) => name.startsWith('torchvision:') && !name.includes('.');
    expect(PUBLISHED_WEIGHTS.filter((name) => !short(name)).sort()).toEqual(Object.keys(published).sort());
  });

  test.each(entries)('$name take the images that their authors state', (entry) => {
    const found = preprocessingOf(entry.name);
    // torchvision undoes ImageNet's normalization of Inception's images inside the network.
    const isHalf = entry.name.startsWith('torchvision:inception_v3');
    expect(found).toEqual({
      mean: isHalf ? [0.5, 0.5, 0.5] : entry.mean,
      std: isHalf ? [0.5, 0.5, 0.5] : entry.std,
      interpolation: entry.interpolation,
      cropPct: entry.cropPct,
      inputSize: entry.inputSize,
    });
  });

  test.each(entries.filter(({ name }) => name.startsWith('torchvision:')))(
    '$name are in the file that torchvision names',
    (entry) => {
      const [, file] = 'file' in entry ? [null, entry.file] : [];
      expect(weightsSource(entry.name)).toEqual({
        kind: 'torchvision',
        name: entry.name.replace('torchvision:', ''),
        file,
      });
      const short = entry.name.split('.')[0] as string;
      if ('isDefault' in entry && entry.isDefault) expect(fullWeightsName(short)).toBe(entry.name);
    },
  );
});

describe('weights that are written', () => {
  test.each([
    ['weights/best.pth', { kind: 'file', path: 'weights/best.pth' }],
    ['C:\\weights\\best.pth', { kind: 'file', path: 'C:\\weights\\best.pth' }],
    ['timm:resnet50.a1_in1k', { kind: 'timm', name: 'resnet50.a1_in1k' }],
    ['timm:convnext_tiny.fb_in22k', { kind: 'timm', name: 'convnext_tiny.fb_in22k' }],
    ['timm:resnet50', { kind: 'unknown', hub: 'timm', name: 'resnet50' }],
    ['timm:../../evil.x', { kind: 'unknown', hub: 'timm', name: '../../evil.x' }],
    [
      'torchvision:resnet50.IMAGENET1K_V3',
      { kind: 'unknown', hub: 'torchvision', name: 'resnet50.IMAGENET1K_V3' },
    ],
    ['torchvision:constructor', { kind: 'unknown', hub: 'torchvision', name: 'constructor' }],
    ['torchvision:resnet50.toString', { kind: 'unknown', hub: 'torchvision', name: 'resnet50.toString' }],
  ])('%s lead where they say', (weights, source) => {
    expect(weightsSource(weights)).toEqual(source);
  });

  test('have no preprocessing if nothing is known about them', () => {
    for (const weights of ['best.pth', 'timm:convnext_tiny.fb_in22k', 'torchvision:nothing']) {
      expect(preprocessingOf(weights)).toBeNull();
    }
  });
});

describe('a model that differs from that of the weights', () => {
  const resnet50 = { name: 'resnet50', width: 64, variant: 'B' } as const;
  test.each<[string, ModelSpec, object | null]>([
    ['torchvision:resnet50', resnet50, null],
    ['torchvision:resnet50', { ...resnet50, variant: 'A' }, { part: 'variant', needed: 'B' }],
    ['torchvision:resnet50', { ...resnet50, width: 32 }, { part: 'width', needed: 64 }],
    ['torchvision:resnet18', resnet50, { part: 'name', needed: 'resnet18' }],
    // Basic blocks have no stride to move.
    ['torchvision:resnet18', { name: 'resnet18', width: 64, variant: 'A' }, null],
    ['torchvision:resnet18', { name: 'resnet18', width: 64, variant: 'D' }, { part: 'variant', needed: 'B' }],
    ['timm:resnet50d.ra2_in1k', resnet50, { part: 'variant', needed: 'D' }],
    ['timm:resnet50d.ra2_in1k', { ...resnet50, variant: 'D' }, null],
    [
      'timm:densenet121.ra_in1k',
      { name: 'densenet121', growthRate: 16 },
      { part: 'growth_rate', needed: 32 },
    ],
    [
      'timm:mobilenetv1_125.ra4_e3600_r224_in1k',
      { name: 'mobilenet_v1', widthMultiplier: 1 },
      { part: 'width_multiplier', needed: 1.25 },
    ],
    [
      'timm:mobilenetv1_125.ra4_e3600_r224_in1k',
      { name: 'mobilenet_v1', widthMultiplier: 1.25 },
      { part: 'activation', needed: 'relu6' },
    ],
    [
      'timm:mobilenetv1_125.ra4_e3600_r224_in1k',
      { name: 'mobilenet_v1', widthMultiplier: 1.25, activation: 'relu6' },
      null,
    ],
    ['weights.pth', resnet50, null],
  ])('%s and %j', (weights, model, mismatch) => {
    expect(modelMismatch(weights, model)).toEqual(mismatch);
  });
});
