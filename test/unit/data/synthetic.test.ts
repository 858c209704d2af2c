import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DatasetRequest, datasetFacts, syntheticOptions } from '../../../src/recipe/datasets';
import type { ImageSplit } from '../../../src/training/data/dataset';
import { openDataset } from '../../../src/training/data/open';
import { openSynthetic } from '../../../src/training/data/synthetic';

type Options = Omit<Extract<DatasetRequest, { dataset: 'synthetic' }>, 'dataset'>;

function open(options: Options = {}) {
  return openSynthetic(syntheticOptions(options), datasetFacts({ dataset: 'synthetic', ...options }));
}

function image(split: ImageSplit, index: number, bytes = 28 * 28): Uint8Array {
  const target = new Uint8Array(bytes);
  split.draw(index, target);
  return target;
}

describe('the synthetic data set', () => {
  it('draws the same image each time, in any order, also after it is opened again', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(2047), fc.nat(2047), (seed, first, second) => {
        const { train } = open({ seed });
        const before = image(train, first);
        image(train, second);
        expect(image(train, first)).toEqual(before);
        expect(image(open({ seed }).train, first)).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });

  it('draws other images for another index, split or seed, even past 32 bits', () => {
    const drawn = [
      image(open().train, 0),
      image(open().train, 10),
      image(open().validation, 0),
      image(open({ seed: 1 }).train, 0),
      image(open({ seed: 2 ** 32 }).train, 0),
    ];
    expect(new Set(drawn.map((pixels) => Buffer.from(pixels).toString('hex'))).size).toBe(drawn.length);
  });

  it('cycles through its classes and fills every pixel of the target', () => {
    const { train } = open({ classes: 3, height: 5, width: 7, channels: 3 });
    expect([0, 1, 2, 3].map((index) => train.label(index))).toEqual([0, 1, 2, 0]);
    const target = new Uint8Array(5 * 7 * 3 + 4).fill(255);
    train.draw(0, target);
    expect([...target.subarray(-4)]).toEqual([255, 255, 255, 255]);
    expect(new Set(target.subarray(0, -4)).size).toBeGreaterThan(50);
  });

  it('has the mean and deviation that its facts state', () => {
    const { facts, train } = open({ channels: 3, classes: 100 });
    for (let channel = 0; channel < 3; channel++) {
      const values: number[] = [];
      for (let index = 0; index < 300; index++) {
        image(train, index, 28 * 28 * 3).forEach((pixel, at) => {
          if (at % 3 === channel) values.push(pixel / 255);
        });
      }
      const mean = values.reduce((a, b) => a + b) / values.length;
      const deviation = Math.sqrt(
        values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length,
      );
      expect(mean).toBeCloseTo(facts.mean[channel]!, 1);
      expect(Math.abs(deviation - facts.std[channel]!)).toBeLessThan(0.01);
    }
  });

  it('can be learned: the nearest mean image of 200 classifies unseen ones', () => {
    const { train, validation } = open();
    const means = Array.from({ length: 10 }, () => new Float64Array(28 * 28));
    for (let index = 0; index < 200; index++) {
      image(train, index).forEach((pixel, at) => {
        means[train.label(index)]![at]! += pixel / 20;
      });
    }
    let right = 0;
    for (let index = 0; index < 200; index++) {
      const pixels = image(validation, index);
      const distances = means.map((mean) =>
        mean.reduce((sum, value, at) => sum + (value - pixels[at]!) ** 2, 0),
      );
      if (distances.indexOf(Math.min(...distances)) === validation.label(index)) right++;
    }
    expect(right / 200).toBeGreaterThan(0.9);
  });

  it('cannot be learned from one pixel: none separates two classes by more than its noise', () => {
    const { train } = open();
    for (let at = 0; at < 28 * 28; at += 13) {
      const pixels = (label: number) =>
        Array.from({ length: 40 }, (_, n) => image(train, label + 10 * n)[at]!);
      const [zero, one] = [pixels(0), pixels(1)];
      expect(Math.max(...zero)).toBeGreaterThan(Math.min(...one));
      expect(Math.max(...one)).toBeGreaterThan(Math.min(...zero));
    }
  });

  it('opens at the size of ImageNet without holding it in memory', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { facts, train } = await openDataset({
      dataset: 'synthetic',
      train_images: 1_281_167,
      validation_images: 50_000,
      height: 224,
      width: 224,
      channels: 3,
      classes: 1000,
    });
    expect(image(train, 1_281_166, 224 * 224 * 3)).not.toEqual(new Uint8Array(224 * 224 * 3));
    expect(train.label(1_281_166)).toBe(166);
    expect(facts.classNames).toHaveLength(1000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20);
  });
});
