import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balancedOrder } from '../../../src/training/data/balancedOrder';
import { epochOrder } from '../../../src/training/data/epochOrder';
import { Random } from '../../../src/training/random';

const CLASSES = 5;

/** Labels of images. Some classes may be missing. */
const labeled = fc.array(fc.integer({ min: 0, max: CLASSES - 1 }), { minLength: 1, maxLength: 60 });

function orderOf(labels: readonly number[], seed: number): Uint32Array {
  return balancedOrder(labels, CLASSES, Random.seeded(seed, 'dataOrder'));
}

/** Counts how often each number occurs. */
function countsOf(values: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

test('an epoch has as many images as the data set, and equally many of each class with images, within one', () => {
  fc.assert(
    fc.property(labeled, fc.nat(), (labels, seed) => {
      const order = orderOf(labels, seed);
      expect(order).toHaveLength(labels.length);
      const counts = countsOf([...order].map((image) => labels[image]!));
      const drawn = [...new Set(labels)].map((label) => counts.get(label) ?? 0);
      expect(Math.max(...drawn) - Math.min(...drawn)).toBeLessThanOrEqual(1);
    }),
  );
});

test('an image of a class repeats only after all others of that class', () => {
  fc.assert(
    fc.property(labeled, fc.nat(), (labels, seed) => {
      const counts = countsOf(orderOf(labels, seed));
      for (const label of new Set(labels)) {
        const drawn = labels.flatMap((each, image) => (each === label ? [counts.get(image) ?? 0] : []));
        expect(Math.max(...drawn) - Math.min(...drawn)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('is in random order, which depends only on the state', () => {
  const labels = Array.from({ length: 90 }, (_, image) => (image < 80 ? 0 : 1));
  const order = orderOf(labels, 1);
  expect(orderOf(labels, 1)).toEqual(order);
  expect(orderOf(labels, 2)).not.toEqual(order);
  // Both classes occur in each third.
  for (const start of [0, 30, 60]) {
    expect(new Set([...order.subarray(start, start + 30)].map((image) => labels[image])).size).toBe(2);
  }
});

test('the class of the remaining image is drawn, too', () => {
  const labels = [0, 0, 1];
  const extra = Array.from({ length: 60 }, (_, seed) =>
    [...orderOf(labels, seed)].filter((image) => labels[image] === 0).length === 2 ? 0 : 1,
  );
  expect(countsOf(extra).get(0)).toBeGreaterThan(15);
  expect(countsOf(extra).get(1)).toBeGreaterThan(15);
});

test('an epoch is balanced if the recipe asks for it, and otherwise takes each image once', () => {
  const labels = Array.from({ length: 90 }, (_, image) => (image < 80 ? 0 : 1));
  const split = { count: 90, label: (image: number) => labels[image]! };
  const epoch = (sampling: 'uniform' | 'balanced') =>
    epochOrder({ shuffle: true, sampling }, split, Random.seeded(1, 'dataOrder'));
  expect([...epoch('balanced')].filter((image) => labels[image] === 1)).toHaveLength(45);
  expect([...epoch('uniform')].sort((a, b) => a - b)).toEqual(labels.map((_, image) => image));
});
