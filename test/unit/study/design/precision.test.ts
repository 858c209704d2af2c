import { describe, expect, it } from 'vitest';
import { budgetFor } from '../../../../src/study/design/budget';
import { expectedHalfWidth, pairedHalfWidth, widestHalfWidth } from '../../../../src/study/design/precision';
import { plackettBurman } from '../../../../src/study/design/twoLevel/plackettBurman';
import { fractionOf, regularSource } from '../../../../src/study/design/twoLevel/regular';
import { factorsOf, planFor, requestOf, runsIn, twoLevels } from './requests';

const MAINS_ALONE = { blocks: false, interactions: false };

const ONE_AT_A_TIME = [
  [0, 0, 0, 0, 0],
  [1, 0, 0, 0, 0],
  [0, 1, 0, 0, 0],
  [0, 0, 1, 0, 0],
  [0, 0, 0, 1, 0],
  [0, 0, 0, 0, 1],
];

const seedsOf = (count: number) => ({
  blocks: Array.from({ length: count }, () => ({ settings: ONE_AT_A_TIME })),
});

describe('expected half-widths of five tricks, in units of the noise', () => {
  const oneBlock = (settings: readonly (readonly number[])[]) => ({ blocks: [{ settings }] });
  const full = oneBlock(regularSource(fractionOf(5, 5, [])).settingsOf(0));

  it.each([
    ['one at a time, paired t, 3 seeds', pairedHalfWidth(3, 1), 3.11],
    ['one at a time, pooled, 3 seeds', expectedHalfWidth(seedsOf(3), 0, 1, MAINS_ALONE), 1.74],
    ['one at a time, pooled, 7 seeds', expectedHalfWidth(seedsOf(7), 4, 1, MAINS_ALONE), 1.08],
    ['Plackett-Burman', expectedHalfWidth(oneBlock(plackettBurman(12, 5)), 2, 1), 1.36],
    [
      'half fraction',
      expectedHalfWidth(oneBlock(regularSource(fractionOf(5, 4, ['ABCD'])).settingsOf(0)), 1, 1),
      1.09,
    ],
    ['full factorial', expectedHalfWidth(full, 0, 1), 0.72],
  ])('%s', (_, halfWidth, expected) => {
    expect(halfWidth).toBeCloseTo(expected, 2);
  });

  it('full factorial with its ten interactions', () => {
    expect(expectedHalfWidth(full, 0, 1, { blocks: false, interactions: true })).toBeCloseTo(0.738, 3);
  });
});

describe('expected half-widths', () => {
  const mixed = {
    blocks: [
      {
        settings: [
          [0, 0, 0],
          [1, 0, 1],
          [0, 1, 2],
          [1, 1, 0],
          [0, 1, 1],
          [1, 0, 2],
        ],
      },
      {
        settings: [
          [1, 1, 1],
          [0, 0, 1],
          [0, 0, 2],
          [1, 1, 2],
          [0, 1, 0],
          [1, 0, 0],
        ],
      },
    ],
  };

  // From numpy's inverse of X'X with dummy variables, and scipy's t quantile.
  it('are those of least squares with blocks and several levels', () => {
    expect(expectedHalfWidth(mixed, 0, 1)).toBeCloseTo(1.3553244791838317, 9);
    expect(expectedHalfWidth(mixed, 2, 0.5)).toBeCloseTo(1.6599267049518744 / 2, 9);
    expect(widestHalfWidth(mixed, 1)).toBeCloseTo(1.6599267049518744, 9);
  });

  it('are null with fewer than three residual degrees of freedom', () => {
    const settings = [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ];
    expect(expectedHalfWidth({ blocks: [{ settings }] }, 0, 1)).toBeNull();
    expect(expectedHalfWidth({ blocks: [{ settings }, { settings }] }, 0, 1)).not.toBeNull();
  });

  it('are null if effects cannot be separated', () => {
    const settings = [
      [0, 0],
      [1, 1],
    ];
    expect(expectedHalfWidth({ blocks: new Array(9).fill({ settings }) }, 0, 1)).toBeNull();
  });
});

describe('one at a time', () => {
  const alone = (count: number) => ({ ...seedsOf(count), kind: 'one_at_a_time' as const });

  it('expects the t intervals that its analysis gives: quantile, standard error and expected deviation', () => {
    // With equal noise, Welch's interval has 4 degrees of freedom for 3 seeds. The paired one has 3 for 4 seeds
    // (Student's and c4's tables).
    expect(widestHalfWidth(alone(3), 0.5)).toBeCloseTo(0.5 * 2.776445 * Math.sqrt(2 / 3) * 0.939986, 5);
    expect(widestHalfWidth(alone(4), 0.5)).toBeCloseTo(0.5 * 3.182446 * Math.sqrt(2 / 4) * 0.921318, 5);
  });

  it('has no interval on two seeds', () => {
    expect(widestHalfWidth(alone(2), 1)).toBeNull();
  });

  it('takes more runs than a design that shares them', () => {
    const wanted = { sigma: 0.25, halfWidth: 0.2 };
    const shared = budgetFor(requestOf({ factors: twoLevels(5) }), wanted);
    const apart = budgetFor(requestOf({ factors: twoLevels(5), wish: { kind: 'one_at_a_time' } }), wanted);
    if (shared.kind !== 'budget' || apart.kind !== 'budget') throw new Error('There is no budget');
    expect(apart.runs).toBeGreaterThan(2 * (shared.runs ?? 0));
  });
});

describe('the budget that a half-width takes', () => {
  const request = requestOf({ factors: twoLevels(4) });

  it('is 32 runs for 0.2 points and 104 for 0.1, at a noise of 0.25 and four factors', () => {
    expect(budgetFor(request, { sigma: 0.25, halfWidth: 0.2 })).toEqual({
      kind: 'budget',
      runs: 32,
      smallestRuns: 16,
    });
    expect(budgetFor(request, { sigma: 0.25, halfWidth: 0.1 })).toMatchObject({ runs: 104 });
  });

  it.each([
    ['five factors', twoLevels(5), undefined],
    ['ten factors', twoLevels(10), undefined],
    ['a factor of three levels', factorsOf(2, 2, 3), undefined],
    [
      'two factors that exclude each other',
      twoLevels(5),
      (setting: readonly number[]) => !(setting[0] && setting[1]),
    ],
  ])('is that of a plan as narrow: %s', (_, factors, isAllowed) => {
    const wanted = { sigma: 0.25, halfWidth: 0.2 };
    const budget = budgetFor(requestOf({ factors, isAllowed }), wanted);
    if (budget.kind !== 'budget' || budget.runs === null) throw new Error('There is no budget');
    const plan = planFor({ factors, isAllowed, runs: budget.runs });
    expect(runsIn(plan)).toBe(budget.runs);
    expect(widestHalfWidth(plan, wanted.sigma)).toBeLessThanOrEqual(wanted.halfWidth);
    // Optimal blocks of another size may need a few runs less, so the answer is the smallest to within a tenth.
    const smaller = planFor({ factors, isAllowed, runs: Math.floor(0.9 * budget.runs) });
    expect(widestHalfWidth(smaller, wanted.sigma)).toBeGreaterThan(wanted.halfWidth);
  });

  it('is the smallest of two-level designs', () => {
    for (const count of [2, 3, 5, 7, 9]) {
      const factors = twoLevels(count);
      const { runs } = budgetFor(requestOf({ factors }), { sigma: 0.25, halfWidth: 0.15 }) as {
        runs: number;
      };
      expect(widestHalfWidth(planFor({ factors, runs }), 0.25)).toBeLessThanOrEqual(0.15);
      for (let fewer = 24; fewer < runs; fewer++)
        expect(widestHalfWidth(planFor({ factors, runs: fewer }), 0.25)).toBeGreaterThan(0.15);
    }
  });

  it('is none if 5,000 runs are not enough', () => {
    expect(budgetFor(request, { sigma: 0.25, halfWidth: 0.001 })).toMatchObject({
      runs: null,
      smallestRuns: 16,
    });
  });

  it('has the problems that a plan has', () => {
    const problem = budgetFor(requestOf({ factors: [] }), { sigma: 1, halfWidth: 1 });
    expect(problem).toEqual({ kind: 'problem', problem: { kind: 'no_factors' } });
  });
});
