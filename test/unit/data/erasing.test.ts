import { describe, expect, it } from 'vitest';
import type { ErasingRecipe } from '../../../src/recipe/recipe';
import { drawErasing, erase } from '../../../src/training/data/erasing';
import { Random } from '../../../src/training/random';

const size = { height: 32, width: 24, channels: 3 };
const recipe: ErasingRecipe = { probability: 0.6, minArea: 0.05, maxArea: 0.3, minAspect: 0.4 };

function draws(changes: Partial<ErasingRecipe> = {}, count = 5000) {
  const random = Random.seeded(1, 'erasing');
  return Array.from({ length: count }, () =>
    drawErasing({ ...recipe, ...changes }, size, () => random.uniform()),
  );
}

describe('random erasing', () => {
  it('erases the share of the images it is asked for', () => {
    expect(draws().filter((each) => each !== null).length / 5000).toBeCloseTo(0.6, 1);
    expect(draws({ probability: 1 }).every((each) => each !== null)).toBe(true);
  });

  it('draws rectangles in the image, of areas and aspects in their ranges up to a pixel', () => {
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

  it('gives up where no rectangle fits', () => {
    const line = { height: 1, width: 100, channels: 1 };
    expect(drawErasing({ ...recipe, probability: 1 }, line, () => 0.5)).toBeNull();
  });

  it('sets the rectangle of its own image to 0, every channel, and nothing else', () => {
    const small = { height: 2, width: 3, channels: 2 };
    const images = new Float32Array(24).fill(1);
    erase(images, 12, small, { top: 1, left: 1, height: 1, width: 2 });
    expect([...images]).toEqual([...Array(20).fill(1), 0, 0, 0, 0]);
  });
});
