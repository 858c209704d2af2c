import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawMix, type Mix, mix } from '../../../src/training/effects/mixing';
import { Random } from '../../../src/training/random';
import { targetsOf } from '../support/targets';

const size = { height: 6, width: 5, channels: 2 };
const imageValues = 60;

/** A batch in which image i has the value i + 1 everywhere and class i. */
function batchOf(count: number) {
  return {
    size: count,
    images: Float32Array.from({ length: count * imageValues }, (_, at) => 1 + Math.floor(at / imageValues)),
    targets: targetsOf(
      Int32Array.from({ length: count }, (_, label) => label),
      count,
      0,
    ),
  };
}

const rows = (values: Float32Array, columns: number) =>
  Array.from({ length: values.length / columns }, (_, row) => [
    ...values.subarray(row * columns, (row + 1) * columns),
  ]);

function draws(recipe: Parameters<typeof drawMix>[0], count = 4000): Mix[] {
  const random = Random.seeded(3, 'mixing');
  return Array.from({ length: count }, () => drawMix(recipe, size, random));
}

describe('mixup', () => {
  it('makes each image and target the weighted sum of its own and its partner’s', () => {
    const batch = batchOf(3);
    mix(batch, size, { kind: 'mixup', lambda: 0.75 });
    expect(rows(batch.images, imageValues).map(([first]) => first)).toEqual([1.5, 2, 2.5]);
    expect(new Set(batch.images)).toEqual(new Set([1.5, 2, 2.5]));
    expect(rows(batch.targets, 3)).toEqual([
      [0.75, 0, 0.25],
      [0, 1, 0],
      [0.25, 0, 0.75],
    ]);
  });

  it('draws lambda from Beta(alpha, alpha): mean 1/2, variance 1 / (4 (2 alpha + 1))', () => {
    for (const alpha of [0.2, 1, 4]) {
      const lambdas = draws({ mixup: { alpha }, cutmix: null }, 20_000).map((each) =>
        each.kind === 'mixup' ? each.lambda : Number.NaN,
      );
      const mean = lambdas.reduce((sum, lambda) => sum + lambda, 0) / lambdas.length;
      const variance = lambdas.reduce((sum, lambda) => sum + (lambda - mean) ** 2, 0) / lambdas.length;
      expect(mean).toBeCloseTo(0.5, 1);
      expect(variance / (1 / (4 * (2 * alpha + 1)))).toBeCloseTo(1, 1);
    }
  });
});

describe('CutMix', () => {
  it('exchanges a patch, and mixes the targets by its area', () => {
    const batch = batchOf(2);
    const patch = { top: 1, left: 2, height: 3, width: 2 };
    mix(batch, size, { kind: 'cutmix', lambda: 1 - 6 / 30, patch });
    const [first, second] = rows(batch.images, imageValues);
    expect(first!.filter((value) => value === 2)).toHaveLength(12);
    expect(first!.map((value) => 3 - value)).toEqual(second);
    // Pixel (1, 2) in both channels, but not (0, 2) or (1, 1).
    expect([first![14], first![15], first![4], first![12]]).toEqual([2, 2, 1, 1]);
    expect(
      rows(batch.targets, 2)
        .flat()
        .map((share) => Math.round(1e6 * share)),
    ).toEqual([800_000, 200_000, 200_000, 800_000]);
  });

  it('draws patches inside the image, and lambda is the exact share that is kept', () => {
    for (const each of draws({ mixup: null, cutmix: { alpha: 1, probability: 1 } })) {
      if (each.kind !== 'cutmix') throw new Error(each.kind);
      const { top, left, height, width } = each.patch;
      expect(Math.min(top, left, height, width)).toBeGreaterThanOrEqual(0);
      expect(top + height).toBeLessThanOrEqual(size.height);
      expect(left + width).toBeLessThanOrEqual(size.width);
      expect(each.lambda).toBe(1 - (height * width) / 30);
    }
  });

  it('mixes the requested share of batches', () => {
    const mixed = draws({ mixup: null, cutmix: { alpha: 1, probability: 0.3 } }).filter(
      ({ kind }) => kind === 'cutmix',
    );
    expect(mixed.length / 4000).toBeCloseTo(0.3, 1);
  });
});

it('used together, each batch draws one of the two, equally often', () => {
  const drawn = draws({ mixup: { alpha: 1 }, cutmix: { alpha: 1, probability: 1 } });
  expect(drawn.filter(({ kind }) => kind === 'mixup').length / drawn.length).toBeCloseTo(0.5, 1);
  expect(drawn.every(({ kind }) => kind !== 'none')).toBe(true);
});

it('mixing preserves the sum of each image pair, and of every target', () => {
  const recipe = { mixup: { alpha: 0.4 }, cutmix: { alpha: 1, probability: 0.8 } };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), (count, seed) => {
      const batch = batchOf(count);
      mix(batch, size, drawMix(recipe, size, Random.seeded(seed, 'mixing')));
      const images = rows(batch.images, imageValues);
      for (const [index, image] of images.entries()) {
        const partner = images[count - 1 - index]!;
        for (const [at, value] of image.entries()) expect(value + partner[at]!).toBeCloseTo(count + 1, 4);
      }
      for (const target of rows(batch.targets, count)) {
        expect(target.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      }
    }),
  );
});

describe('targets', () => {
  it('are one-hot without smoothing', () => {
    expect(rows(targetsOf(Int32Array.of(2, 0), 3, 0), 3)).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  it('spread epsilon over all classes, including the right one', () => {
    const [target] = rows(targetsOf(Int32Array.of(1), 4, 0.1), 4);
    for (const [label, share] of target!.entries()) {
      expect(share).toBeCloseTo(label === 1 ? 0.925 : 0.025, 7);
    }
  });
});
