import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Average,
  averageAfter,
  NO_AVERAGE,
  smoothingFor,
  valueOfAverage,
} from '../../webview/smoothing';

const losses = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 50 });
const keep = fc.double({ min: 0, max: 0.999, noNaN: true });

function smooth(share: number, values: readonly number[]): number[] {
  let average: Average = NO_AVERAGE;
  return values.map((value) => {
    average = averageAfter(average, value, share);
    return valueOfAverage(average);
  });
}

test('a value that stands for several counts as often', () => {
  fc.assert(
    fc.property(keep, losses, fc.integer({ min: 1, max: 20 }), (share, values, times) => {
      const once = smooth(
        share,
        values.flatMap((value) => Array<number>(times).fill(value)),
      );
      const often = smooth(share ** times, values);
      for (const [index, value] of often.entries()) {
        expect(value).toBeCloseTo(once[(index + 1) * times - 1]!, 9);
      }
    }),
  );
});

test('the first average is the first value', () => {
  fc.assert(
    fc.property(keep, losses, (share, values) => {
      expect(smooth(share, values)[0]).toBeCloseTo(values[0]!, 9);
    }),
  );
});

test('averages lie between the least and the greatest value so far', () => {
  fc.assert(
    fc.property(keep, losses, (share, values) => {
      for (const [index, average] of smooth(share, values).entries()) {
        const seen = values.slice(0, index + 1);
        expect(average).toBeGreaterThanOrEqual(Math.min(...seen) - 1e-9);
        expect(average).toBeLessThanOrEqual(Math.max(...seen) + 1e-9);
      }
    }),
  );
});

test('an average weighs a value by the share kept, once a step', () => {
  // (4 x 0.25 + 2 x 0.5 + 1 x 1) / (0.25 + 0.5 + 1)
  expect(smooth(0.5, [4, 2, 1]).at(-1)).toBeCloseTo(3 / 1.75, 12);
});

test('a value that is not finite is left out', () => {
  expect(smooth(0.5, [4, Number.NaN, 2])).toEqual(smooth(0.5, [4, 4, 2]).with(2, smooth(0.5, [4, 2])[1]!));
});

test.each([
  [100, 10],
  [50_000, 500],
  [1_000_000, 1000],
])('a training of %i steps is averaged over %i', (totalSteps, steps) => {
  expect(smoothingFor(totalSteps) ** steps).toBeCloseTo(Math.exp(-1), 12);
});
