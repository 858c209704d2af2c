import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quasiRandomPoint, randomPoint } from '../../../../src/study/search/points';
import type { SearchParameter } from '../../../../src/study/search/search';
import { settingsOf, valuesAt, valueText } from '../../../../src/study/search/space';

const PRIMES = [2, 3, 5, 7];

describe('quasi-random points', () => {
  test('have one of the first b^k in each of b^k parts of a dimension, whatever the seed', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (seed) => {
        for (const [dimension, base] of PRIMES.entries()) {
          const count = base ** 2;
          const points = Array.from(
            { length: count },
            (_, index) => quasiRandomPoint(seed, index, 4)[dimension]!,
          );
          const parts = new Set(points.map((value) => Math.floor(value * count)));
          expect(parts.size).toBe(count);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('differ by seed, are the same for one seed, and depend only on their index', () => {
    expect(quasiRandomPoint(1, 5, 3)).toEqual(quasiRandomPoint(1, 5, 3));
    expect(quasiRandomPoint(1, 5, 3)).not.toEqual(quasiRandomPoint(2, 5, 3));
    expect(quasiRandomPoint(1, 5, 3)).toEqual(quasiRandomPoint(1, 5, 4).slice(0, 3));
  });

  test('are evenly distributed over seeds, each alone', () => {
    const values = Array.from({ length: 2000 }, (_, seed) => quasiRandomPoint(seed, 0, 2)[1]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    // Four standard errors of the mean of 2,000 uniform values.
    expect(Math.abs(mean - 0.5)).toBeLessThan((4 * Math.sqrt(1 / 12)) / Math.sqrt(2000));
  });
});

describe('random points', () => {
  test('are uniform in every tenth, and independent of the dimension before', () => {
    const points = Array.from({ length: 5000 }, (_, index) => randomPoint(7, index, 2));
    for (const dimension of [0, 1]) {
      const counts = Array.from({ length: 10 }, () => 0);
      for (const point of points) counts[Math.floor(point[dimension]! * 10)]! += 1;
      const chiSquare = counts.reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
      // The 99.9% quantile of the chi-square distribution with 9 degrees of freedom.
      expect(chiSquare).toBeLessThan(27.877);
    }
    const product = points.reduce((sum, [x = 0, y = 0]) => sum + (x - 0.5) * (y - 0.5), 0) / 5000;
    expect(Math.abs(product * 12)).toBeLessThan(4 / Math.sqrt(5000));
  });
});

const PARAMETERS: SearchParameter[] = [
  {
    ...{ kind: 'range', key: 'optimizer.base_lr', path: ['optimizer', 'base_lr'] },
    ...{ low: 0.001, high: 10, isLog: true, isInteger: false },
  },
  {
    ...{ kind: 'range', key: 'data.batch_size', path: ['data', 'batch_size'] },
    ...{ low: 1, high: 4, isLog: false, isInteger: true },
  },
  {
    ...{ kind: 'choices', key: 'mixup', path: ['tricks', 'mixup'] },
    choices: [
      { label: 'off', value: false },
      { label: 'on', value: true },
      { label: '{"alpha":0.4}', value: { alpha: 0.4 } },
    ],
  },
];

describe('values', () => {
  test('lie in their ranges and among their choices, anywhere in the cube', () => {
    const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(share, share, share), (point) => {
        const values = valuesAt({ parameters: PARAMETERS }, point);
        expect(values['optimizer.base_lr']).toBeGreaterThanOrEqual(0.001);
        expect(values['optimizer.base_lr']).toBeLessThanOrEqual(10);
        expect([1, 2, 3, 4]).toContain(values['data.batch_size']);
        expect([0, 1, 2]).toContain(values.mixup);
      }),
    );
  });

  test('are even in the logarithm of a log range, and give each integer an equal part', () => {
    expect(valuesAt({ parameters: PARAMETERS }, [0.5, 0, 0])['optimizer.base_lr']).toBeCloseTo(0.1, 10);
    const drawn = [0.1, 0.3, 0.6, 0.9].map((share) => valuesAt({ parameters: PARAMETERS }, [0, share, 0]));
    expect(drawn.map((values) => values['data.batch_size'])).toEqual([1, 2, 3, 4]);
  });

  test('become key=value in the syntax of the file; an active trick keeps its options', () => {
    const settings = (mixup: number, written: unknown) =>
      settingsOf(
        { parameters: PARAMETERS },
        { 'optimizer.base_lr': 0.25, 'data.batch_size': 2, mixup },
        written,
      );
    const rest = ['optimizer.base_lr=0.25', 'data.batch_size=2'];
    expect(settings(0, {})).toEqual(rest);
    expect(settings(1, {})).toEqual([...rest, 'tricks.mixup=true']);
    expect(settings(2, {})).toEqual([...rest, 'tricks.mixup={"alpha":0.4}']);
    expect(settings(1, { tricks: { mixup: { alpha: 0.1 } } })).toEqual(rest);
    expect(settings(0, { tricks: { mixup: { alpha: 0.1 } } })).toEqual([...rest, 'tricks.mixup=false']);
    // timm's name for it.
    expect(settings(0, { tricks: { mixup_alpha: 0.1 } })).toEqual([...rest, 'tricks.mixup_alpha=false']);
  });

  test('are read as on, off, numbers and options', () => {
    const [rate, , mixup] = PARAMETERS as [SearchParameter, SearchParameter, SearchParameter];
    expect(valueText(rate, 0.25)).toBe('0.25');
    expect([0, 1, 2].map((value) => valueText(mixup, value))).toEqual(['off', 'on', '{"alpha":0.4}']);
  });
});
