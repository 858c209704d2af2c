import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balancedOrder } from '../../../src/training/data/balancedOrder';
import { epochOrder } from '../../../src/training/data/epochOrder';
import { Random } from '../../../src/training/random';

const CLASSES = 5;

/** Labels of images, not all classes among them. */
const labelled = fc.array(fc.integer({ min: 0, max: CLASSES - 1 }), { minLength: 1, maxLength: 60 });

function orderOf(labels: readonly number[], seed: number): Uint32Array {
  return balancedOrder(labels, CLASSES, Random.seeded(seed, 'dataOrder'));
}

/** How often each number comes. */
function countsOf(values: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

test('an epoch has as many images as there are, and of each class that has any as many, give or take one', () => {
  fc.assert(
    fc.property(labelled, fc.nat(), (labels, seed) => {
      const order = orderOf(labels, seed);
      expect(order).toHaveLength(labels.length);
      const counts = countsOf([...order].map((image) => labels[image]!));
      const drawn = [...new Set(labels)].map((label) => counts.get(label) ?? 0);
      expect(Math.max(...drawn) - Math.min(...drawn)).toBeLessThanOrEqual(1);
    }),
  );
});

test('no image of a class comes once more before all others of it came', () => {
  fc.assert(
    fc.property(labelled, fc.nat(), (labels, seed) => {
      const counts = countsOf(orderOf(labels, seed));
      for (const label of new Set(labels)) {
        const drawn = labels.flatMap((each, image) => (each === label ? [counts.get(image) ?? 0] : []));
        expect(Math.max(...drawn) - Math.min(...drawn)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('is in random order, the same for the same state alone', () => {
  const labels = Array.from({ length: 90 }, (_, image) => (image < 80 ? 0 : 1));
  const order = orderOf(labels, 1);
  expect(orderOf(labels, 1)).toEqual(order);
  expect(orderOf(labels, 2)).not.toEqual(order);
  // Both classes come in each third.
  for (const start of [0, 30, 60]) {
    expect(new Set([...order.subarray(start, start + 30)].map((image) => labels[image])).size).toBe(2);
  }
});

test('which class has the image that is left over is drawn, too', () => {
  const labels = [0, 0, 1];
  const extra = Array.from({ length: 60 }, (_, seed) =>
    [...orderOf(labels, seed)].filter((image) => labels[image] === 0).length === 2 ? 0 : 1,
  );
  expect(countsOf(extra).get(0)).toBeGreaterThan(15);
  expect(countsOf(extra).get(1)).toBeGreaterThan(15);
});

test('an epoch is balanced where the recipe asks for it, and takes each image once where it does not', () => {
  const labels = Array.from({ length: 90 }, (_, image) => (image < 80 ? 0 : 1));
  const split = { count: 90, label: (image: number) => labels[image]! };
  const epoch = (sampling: 'uniform' | 'balanced') =>
    epochOrder({ shuffle: true, sampling }, split, Random.seeded(1, 'dataOrder'));
  expect([...epoch('balanced')].filter((image) => labels[image] === 1)).toHaveLength(45);
  expect([...epoch('uniform')].sort((a, b) => a - b)).toEqual(labels.map((_, image) => image));
});
