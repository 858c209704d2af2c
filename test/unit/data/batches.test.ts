import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetFacts } from '../../../src/recipe/datasets';
import { Batches, type BatchOptions, inOrder } from '../../../src/training/data/batches';
import { splitInMemory } from '../../../src/training/data/dataset';
import { openDataset } from '../../../src/training/data/open';

/** Five images of 1 x 2 pixels and two channels. Image i has the bytes 10i, 10i + 1, 10i + 2, 10i + 3. */
const split = splitInMemory(
  Uint8Array.from({ length: 20 }, (_, at) => 10 * Math.floor(at / 4) + (at % 4)),
  Uint8Array.of(4, 3, 2, 1, 0),
);
const facts = {
  ...datasetFacts({ dataset: 'synthetic', height: 1, width: 2, channels: 2, classes: 5 }),
  mean: [0.5, 0.25],
  std: [0.5, 2],
};
const still = () => {
  throw new Error('Nothing is random here.');
};

function batches(options: Partial<BatchOptions> = {}) {
  return new Batches(split, facts, { batchSize: 2, augment: 'none', rest: 'drop', ...options });
}

describe('Batches', () => {
  it('draws the images at its position in the order, each with its label', () => {
    const { size, images, labels } = batches().fill(Uint32Array.of(4, 2, 0, 3, 1), 1, still);
    expect(size).toBe(2);
    expect([...labels]).toEqual([4, 1]);
    const bytes = [...images].map((value, at) =>
      Math.round((value * facts.std[at % 2]! + facts.mean[at % 2]!) * 255),
    );
    expect(bytes).toEqual([0, 1, 2, 3, 30, 31, 32, 33]);
  });

  it('normalizes by channel: (pixel / 255 - mean) / std', () => {
    const { images } = batches().fill(inOrder(5), 1, still);
    const expected = [20, 21, 22, 23, 30, 31, 32, 33].map((pixel, at) =>
      at % 2 === 0 ? (pixel / 255 - 0.5) / 0.5 : (pixel / 255 - 0.25) / 2,
    );
    expect(images).toHaveLength(8);
    images.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at]!, 6);
    });
  });

  it('drops the last partial batch in training and keeps it in evaluation', () => {
    expect(batches({ rest: 'drop' }).count).toBe(2);
    const kept = batches({ rest: 'keep' });
    expect(kept.count).toBe(3);
    const { size, images, labels } = kept.fill(inOrder(5), 2, still);
    expect([size, images.length, [...labels]]).toEqual([1, 4, [0]]);
  });

  it('covers each image exactly once in an epoch, for any batch size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), (batchSize) => {
        const kept = batches({ batchSize, rest: 'keep' });
        const labels = Array.from({ length: kept.count }, (_, index) => [
          ...kept.fill(inOrder(5), index, still).labels,
        ]);
        expect(labels.flat()).toEqual([4, 3, 2, 1, 0]);
      }),
    );
  });

  it('augments with the random source, image by image', () => {
    const random = [0.1, 0.9];
    const { images } = batches({ augment: 'flip' }).fill(inOrder(5), 0, () => random.shift()!);
    const plain = batches().fill(inOrder(5), 0, still).images;
    expect([...images.subarray(0, 4)]).toEqual([...plain.subarray(2, 4), ...plain.subarray(0, 2)]);
    expect([...images.subarray(4)]).toEqual([...plain.subarray(4)]);
  });

  it('shifts in black, normalized as black', () => {
    const wide = { ...facts, height: 8, width: 8, channels: 1 };
    const white = splitInMemory(new Uint8Array(64).fill(255), Uint8Array.of(0));
    const { images } = new Batches(white, wide, { batchSize: 1, augment: 'crop_flip', rest: 'keep' }).fill(
      inOrder(1),
      0,
      () => 0.99,
    );
    expect([...images.subarray(0, 8)]).toEqual(Array(8).fill(-1));
    expect([...images.subarray(8, 16)]).toEqual([-1, ...Array(7).fill(1)]);
  });

  it('reuses its buffers', () => {
    const pair = batches();
    const first = pair.fill(inOrder(5), 0, still);
    const second = pair.fill(inOrder(5), 1, still);
    expect(second.images.buffer).toBe(first.images.buffer);
  });

  it('refuses a batch past the epoch, and the order of another split', () => {
    expect(() => batches().fill(inOrder(5), 2, still)).toThrow(RangeError);
    expect(() => batches().fill(inOrder(4), 0, still)).toThrow(RangeError);
  });

  it('normalizes the sample to a mean near 0 and a deviation near 1', async () => {
    const { facts, train } = await openDataset({ dataset: 'fashion-mnist-sample' });
    const { images } = new Batches(train, facts, { batchSize: 12_000, augment: 'none', rest: 'drop' }).fill(
      inOrder(12_000),
      0,
      still,
    );
    let sum = 0;
    let squares = 0;
    for (const value of images) {
      sum += value;
      squares += value * value;
    }
    const mean = sum / images.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.abs(Math.sqrt(squares / images.length - mean ** 2) - 1)).toBeLessThan(0.01);
  });
});
