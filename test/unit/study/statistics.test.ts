import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pairedMean, studentQuantile95, wilsonInterval } from '../../../src/study/statistics';

describe("Student's t", () => {
  // Table of the t distribution, two-sided 95% (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
  test.each([
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [5, 2.571],
    [9, 2.262],
    [10, 2.228],
    [29, 2.045],
    [30, 2.042],
    [100, 1.984],
  ])('with %i degrees of freedom stays below %f in 95% of cases', (degrees, quantile) => {
    expect(studentQuantile95(degrees)).toBeCloseTo(quantile, 3);
  });

  test('converges to the normal distribution', () => {
    expect(studentQuantile95(10_001)).toBeCloseTo(1.9602, 3);
    for (let degrees = 1; degrees < 60; degrees++) {
      expect(studentQuantile95(degrees + 1)).toBeLessThan(studentQuantile95(degrees));
    }
  });
});

describe('the mean of paired differences', () => {
  test('has the interval of its spread', () => {
    // Mean 0.42, standard deviation 0.06. Half-width: 4.3027 x 0.06 / sqrt(3).
    const { pairs, mean, halfWidth } = pairedMean([0.36, 0.42, 0.48]);
    expect(pairs).toBe(3);
    expect(mean).toBeCloseTo(0.42, 12);
    expect(halfWidth).toBeCloseTo(0.14905, 5);
  });

  test('has none for a single pair', () => {
    expect(pairedMean([0.5])).toEqual({ pairs: 1, mean: 0.5, halfWidth: null });
  });

  test('covers the true mean in about 95 of 100 samples of a normal distribution', () => {
    let state = 7;
    const uniform = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const rounds = 4000;
    let covered = 0;
    for (let round = 0; round < rounds; round++) {
      const { mean, halfWidth } = pairedMean([3 + normal(), 3 + normal(), 3 + normal()]);
      if (Math.abs(mean - 3) <= (halfWidth ?? 0)) covered++;
    }
    // Three standard errors of a proportion of 0.95 are 0.0103.
    expect(Math.abs(covered / rounds - 0.95)).toBeLessThan(0.0104);
  });

  test('moves with its differences and scales with them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 9 }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (differences, by) => {
          const before = pairedMean(differences);
          const moved = pairedMean(differences.map((value) => value + by));
          const mirrored = pairedMean(differences.map((value) => -2 * value));
          expect(moved.mean).toBeCloseTo(before.mean + by, 9);
          expect(moved.halfWidth ?? 0).toBeCloseTo(before.halfWidth ?? 0, 6);
          expect(mirrored.mean).toBeCloseTo(-2 * before.mean, 9);
          expect(mirrored.halfWidth ?? 0).toBeCloseTo(2 * (before.halfWidth ?? 0), 6);
        },
      ),
    );
  });
});

describe("Wilson's interval", () => {
  // scipy.stats.binomtest(successes, count).proportion_ci(method='wilson').
  test.each([
    [0, 10, 0, 0.277533],
    [1, 10, 0.017876, 0.40415],
    [5, 10, 0.236593, 0.763407],
    [90, 100, 0.825633, 0.944771],
    [1, 1, 0.206549, 1],
  ])('of %i in %i is %f to %f', (successes, count, low, high) => {
    const interval = wilsonInterval(successes, count);
    expect(interval.low).toBeCloseTo(low, 5);
    expect(interval.high).toBeCloseTo(high, 5);
  });

  test('contains the share, lies within 0 to 1, and is narrower for more draws', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(), (count, seed) => {
        const successes = seed % (count + 1);
        const { low, high } = wilsonInterval(successes, count);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThanOrEqual(successes / count);
        expect(high).toBeGreaterThanOrEqual(successes / count);
        expect(high).toBeLessThanOrEqual(1);
        const more = wilsonInterval(4 * successes, 4 * count);
        expect(more.high - more.low).toBeLessThan(high - low);
      }),
    );
  });
});
