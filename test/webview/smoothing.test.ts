import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { smoothed, smoothingFor } from '../../webview/smoothing';

const losses = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 50 });
const keep = fc.double({ min: 0, max: 0.999, noNaN: true });

/** Returns the averages of values at steps 0, 1, ... */
function smooth(values: readonly number[], share: number): number[] {
  return smoothed(
    values.map((y, x) => ({ x, y })),
    share,
  ).map(({ y }) => y);
}

describe('a smoothed series', () => {
  test('of one value is that value, from the first point to the last', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 20, noNaN: true }),
        fc.integer({ min: 1, max: 200 }),
        keep,
        (value, count, share) => {
          for (const average of smooth(Array<number>(count).fill(value), share)) {
            expect(average / value).toBeCloseTo(1, 9);
          }
        },
      ),
    );
  });

  test('that falls along a line stays in its range, and lags nowhere but at its ends', () => {
    const slopes = fc.double({ min: 1e-4, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        slopes,
        fc.integer({ min: 2, max: 300 }),
        fc.integer({ min: 1, max: 20 }),
        (slope, count, reach) => {
          const share = Math.exp(-1 / reach);
          const line = Array.from({ length: count }, (_, step) => 400 - slope * step);
          const averages = smooth(line, share);
          expect(Math.max(...averages)).toBeLessThanOrEqual(line[0]! + 1e-9);
          expect(Math.min(...averages)).toBeGreaterThanOrEqual(line.at(-1)! - 1e-9);
          const beyondLag = averages.map((average, step) => {
            const toEnd = Math.min(step, count - 1 - step) / reach;
            const lag = slope * (reach + 1) * (1 + toEnd) * Math.exp(-toEnd);
            return Math.abs(average - line[step]!) - lag;
          });
          expect(Math.max(...beyondLag)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  test('has about as many values above it as below all the way down a steep, noisy fall', () => {
    const count = 465;
    const noise = (step: number) => ((step * 0.618034) % 1) - 0.5;
    const values = Array.from(
      { length: count },
      (_, step) => 0.3 + 2 * Math.exp(-step / 40) + 0.4 * noise(step),
    );
    const averages = smooth(values, smoothingFor(count));
    for (const first of [0, 40, 80, 120]) {
      const stretch = values.slice(first, first + 40);
      const below = stretch.filter((value, index) => value < averages[first + index]!).length;
      expect(below).toBeGreaterThan(10);
      expect(below).toBeLessThan(30);
    }
  });

  test('lies between the least and the greatest value', () => {
    fc.assert(
      fc.property(losses, keep, (values, share) => {
        for (const average of smooth(values, share)) {
          expect(average).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(average).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        }
      }),
    );
  });

  test('is the same read backwards', () => {
    fc.assert(
      fc.property(losses, keep, (values, share) => {
        const backwards = smooth(values.toReversed(), share).toReversed();
        for (const [index, average] of smooth(values, share).entries()) {
          expect(backwards[index]).toBeCloseTo(average, 9);
        }
      }),
    );
  });

  test('weights a value by the kept share, once per step of its distance', () => {
    // (4 x 0.5 + 2 x 1 + 1 x 0.5) / (0.5 + 1 + 0.5)
    expect(smooth([4, 2, 1], 0.5)[1]).toBeCloseTo(4.5 / 2, 12);
    // (4 x 0.25 + 2 x 0.5 + 1 x 1) / (0.25 + 0.5 + 1)
    expect(smooth([4, 2, 1], 0.5)[2]).toBeCloseTo(3 / 1.75, 12);
  });

  test('counts a value that stands for several steps as often', () => {
    fc.assert(
      fc.property(losses, keep, fc.integer({ min: 1, max: 20 }), (values, share, times) => {
        const often = smoothed(
          values.map((y, index) => ({ x: (index + 1) * times - 1, y })),
          share,
        );
        // The first value counts for one step, because no step before it is known to be missing.
        const [one, ...others] = values;
        const once = smooth([one!, ...others.flatMap((value) => Array<number>(times).fill(value))], share);
        for (const [index, { y }] of often.entries()) expect(y).toBeCloseTo(once[index * times]!, 9);
      }),
    );
  });

  test('skips values that are not finite, and has none if all are', () => {
    expect(smooth([4, Number.NaN, 2], 0.5)).toEqual([(4 + 0.25 * 2) / 1.25, 3, (0.25 * 4 + 2) / 1.25]);
    expect(smooth([Number.NaN, Number.POSITIVE_INFINITY], 0.5)).toEqual([Number.NaN, Number.NaN]);
  });
});

test.each([
  [100, 4],
  [50_000, 250],
  [1_000_000, 500],
])('a training of %i steps is averaged over %i on each side', (totalSteps, steps) => {
  expect(smoothingFor(totalSteps) ** steps).toBeCloseTo(Math.exp(-1), 12);
});
