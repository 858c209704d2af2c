import { describe, expect, it, vi } from 'vitest';
import type { DatasetFacts } from '../../../src/recipe/datasets';
import type { ErasingRecipe } from '../../../src/recipe/recipe';
import { Batches, inOrder } from '../../../src/training/data/batches';
import { splitInMemory } from '../../../src/training/data/dataset';
import { drawErasing, erase, erasing as erasingEffect } from '../../../src/training/effects/erasing';
import { Random } from '../../../src/training/random';
import { Streams } from '../../../src/training/streams';
import { smallRecipe } from '../../support/smallTraining';

/** Images in which black is -1 after normalization and white is 1. */
const facts: DatasetFacts = {
  ...smallRecipe().data.dataset,
  mean: [0.5],
  std: [0.5],
};
const size = { height: 32, width: 24, channels: 3 };
const recipe: ErasingRecipe = { probability: 0.6, minArea: 0.05, maxArea: 0.3, minAspect: 0.4 };

function draws(changes: Partial<ErasingRecipe> = {}, count = 5000) {
  const random = Random.seeded(1, 'erasing');
  return Array.from({ length: count }, () =>
    drawErasing({ ...recipe, ...changes }, size, () => random.uniform()),
  );
}

describe('random erasing', () => {
  it('erases the requested share of the images', () => {
    expect(draws().filter((each) => each !== null).length / 5000).toBeCloseTo(0.6, 1);
    expect(draws({ probability: 1 }).every((each) => each !== null)).toBe(true);
  });

  it('draws rectangles inside the image, with areas and aspects in their ranges up to a pixel', () => {
    for (const rectangle of draws()) {
      if (!rectangle) continue;
      const { top, left, height, width } = rectangle;
      expect(Math.min(top, left)).toBeGreaterThanOrEqual(0);
      expect(top + height).toBeLessThanOrEqual(size.height);
      expect(left + width).toBeLessThanOrEqual(size.width);
      const smallest = ((height - 0.5) * (width - 0.5)) / (32 * 24);
      const largest = ((height + 0.5) * (width + 0.5)) / (32 * 24);
      expect(largest).toBeGreaterThanOrEqual(0.05);
      expect(smallest).toBeLessThanOrEqual(0.3);
      expect((height + 0.5) / (width - 0.5)).toBeGreaterThanOrEqual(0.4);
      expect((height - 0.5) / (width + 0.5)).toBeLessThanOrEqual(1 / 0.4);
    }
  });

  it('draws tall rectangles as often as wide ones', () => {
    const square = { height: 40, width: 40, channels: 1 };
    const random = Random.seeded(2, 'erasing');
    const drawn = Array.from({ length: 4000 }, () =>
      drawErasing({ ...recipe, probability: 1 }, square, () => random.uniform()),
    ).filter((each) => each !== null && each.height !== each.width);
    expect(drawn.filter((each) => each!.height > each!.width).length / drawn.length).toBeCloseTo(0.5, 1);
  });

  it('gives up if no rectangle fits', () => {
    const line = { height: 1, width: 100, channels: 1 };
    expect(drawErasing({ ...recipe, probability: 1 }, line, () => 0.5)).toBeNull();
  });

  it('sets only the rectangle of its own image to 0, in every channel', () => {
    const small = { height: 2, width: 3, channels: 2 };
    const images = new Float32Array(24).fill(1);
    erase(images, 12, small, { top: 1, left: 1, height: 1, width: 2 });
    expect([...images]).toEqual([...Array(20).fill(1), 0, 0, 0, 0]);
  });

  it('erases after augmentation, image by image, to the mean', () => {
    const erasing = { probability: 0.5, minArea: 0.5, maxArea: 0.5, minAspect: 1 };
    const tall = { ...facts, height: 4, width: 4, channels: 1 };
    const white = splitInMemory(new Uint8Array(32).fill(255), Uint8Array.of(0, 1));
    // The second image stays unchanged. The first loses a square of side 3 with its top left pixel at (1, 0).
    const random = [0.1, 0, 0, 0.9, 0, 0.7];
    const { size, images } = new Batches(white, tall, { batchSize: 2, augment: 'none', rest: 'keep' }).fill(
      inOrder(2),
      0,
      () => Number.NaN,
    );
    const streams = new Streams(0);
    vi.spyOn(streams.get('erasing'), 'uniform').mockImplementation(() => random.shift()!);
    const plain = smallRecipe();
    const change = erasingEffect.of({ ...plain, data: { ...plain.data, erasing } }, streams);
    change?.({ size, images, targets: new Float32Array() }, tall);
    const rows = Array.from({ length: 8 }, (_, row) => [...images.subarray(4 * row, 4 * row + 4)]);
    expect(rows.slice(0, 4)).toEqual([
      [1, 1, 1, 1],
      [0, 0, 0, 1],
      [0, 0, 0, 1],
      [0, 0, 0, 1],
    ]);
    expect(rows.slice(4)).toEqual(Array(4).fill([1, 1, 1, 1]));
    expect(random).toEqual([]);
  });
});
