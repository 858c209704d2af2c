import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StudyPlan, StudySetting } from '../../../../src/protocol/study';
import { chooseDesign } from '../../../../src/study/design/chooseDesign';
import { expectedHalfWidth } from '../../../../src/study/design/precision';
import { factorsOf, planFor, requestOf, runsIn, twoLevels } from './requests';

function determinant(matrix: readonly (readonly number[])[]): number {
  const rest = matrix.map((row) => [...row]);
  let product = 1;
  for (let i = 0; i < rest.length; i++) {
    const pivot = rest
      .slice(i)
      .reduce(
        (best, row, j) => (Math.abs(row[i] as number) > Math.abs(rest[best]?.[i] as number) ? i + j : best),
        i,
      );
    if (Math.abs(rest[pivot]?.[i] as number) < 1e-12) return 0;
    if (pivot !== i) {
      [rest[i], rest[pivot]] = [rest[pivot] as number[], rest[i] as number[]];
      product = -product;
    }
    product *= rest[i]?.[i] as number;
    for (let j = i + 1; j < rest.length; j++) {
      const ratio = (rest[j]?.[i] as number) / (rest[i]?.[i] as number);
      for (let k = i; k < rest.length; k++)
        (rest[j] as number[])[k] = (rest[j]?.[k] as number) - ratio * (rest[i]?.[k] as number);
    }
  }
  return product;
}

/** Returns det(X'X) of two-level settings with a mean and signs. */
function information(settings: readonly StudySetting[]): number {
  const rows = settings.map((setting) => [1, ...setting.map((level) => 2 * level - 1)]);
  const width = rows[0]?.length ?? 0;
  return determinant(
    Array.from({ length: width }, (_, i) =>
      Array.from({ length: width }, (_, j) =>
        rows.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0),
      ),
    ),
  );
}

function* subsetsOf<T>(items: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = from; i + size <= items.length; i++)
    for (const rest of subsetsOf(items, size - 1, i + 1)) yield [items[i] as T, ...rest];
}

const settingsOf = (plan: StudyPlan) => plan.blocks.flatMap(({ settings }) => settings);

describe('designs with impossible combinations', () => {
  const exclusive = (setting: StudySetting) => !(setting[0] === 1 && setting[1] === 1);
  const implied = (setting: StudySetting) => !(setting[1] === 1 && setting[0] === 0);

  it('never run one, keep to the budget and separate every effect', () => {
    fc.assert(
      fc.property(
        fc.record({
          levels: fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 3, maxLength: 6 }),
          runs: fc.integer({ min: 8, max: 64 }),
          rule: fc.constantFrom(exclusive, implied),
          kind: fc.constantFrom('auto' as const, 'screening' as const, 'full' as const),
          randomSeed: fc.integer({ min: 0, max: 1000 }),
        }),
        ({ levels, runs, rule, kind, randomSeed }) => {
          const request = requestOf({
            factors: factorsOf(...levels),
            runs,
            wish: { kind },
            randomSeed,
            isAllowed: rule,
          });
          const result = chooseDesign(request);
          if (result.kind === 'problem') {
            if (result.problem.kind !== 'budget_too_small') throw new Error(result.problem.kind);
            expect(result.problem.smallestRuns).toBeGreaterThan(runs);
            expect(chooseDesign({ ...request, runs: result.problem.smallestRuns }).kind).toBe('plan');
            return;
          }
          const { plan } = result;
          expect(runsIn(plan)).toBeLessThanOrEqual(runs);
          expect(settingsOf(plan).every(rule)).toBe(true);
          expect(plan.residualDegrees).toBeGreaterThanOrEqual(3);
          expect(plan.blocks.length).toBeGreaterThanOrEqual(2);
          expect(plan.efficiency).toBeGreaterThan(0.5);
          for (const { settings } of plan.blocks) {
            // The same setting twice in a block would be the same run twice.
            expect(new Set(settings.map(String)).size).toBe(settings.length);
            for (const [factor, count] of levels.entries())
              expect(new Set(settings.map((setting) => setting[factor])).size).toBe(count);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('never run one of several simultaneous rules, and separate every effect in every block', () => {
    const rule = fc.record({
      first: fc.integer({ min: 0, max: 6 }),
      firstLevel: fc.integer({ min: 0, max: 1 }),
      second: fc.integer({ min: 0, max: 6 }),
      secondLevel: fc.integer({ min: 0, max: 1 }),
    });
    let plans = 0;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 3, maxLength: 7 }),
        fc.array(rule, { minLength: 1, maxLength: 4 }),
        (levels, rules) => {
          const isAllowed = (setting: StudySetting) =>
            !rules.some(
              ({ first, firstLevel, second, secondLevel }) =>
                first !== second && setting[first] === firstLevel && setting[second] === secondLevel,
            );
          const result = chooseDesign(requestOf({ factors: factorsOf(...levels), runs: 60, isAllowed }));
          // Rules may leave a factor constant, or two factors that always change together.
          if (result.kind === 'problem') return;
          plans++;
          for (const block of result.plan.blocks) {
            expect(block.settings.every(isAllowed)).toBe(true);
            expect(expectedHalfWidth({ blocks: [block, block, block] }, 0, 1)).not.toBeNull();
          }
          expect(result.plan.efficiency ?? 1).toBeGreaterThan(0.3);
        },
      ),
      // A fixed seed, because it determines how many rules permit a plan at all.
      { numRuns: 40, seed: 16 },
    );
    expect(plans).toBeGreaterThan(20);
  });

  it('have a first block as good as the best of all subsets of its size', () => {
    const plan = planFor({ factors: twoLevels(4), runs: 16, isAllowed: exclusive });
    const [block] = plan.blocks;
    if (!block) throw new Error('There is no block');
    const allowed = Array.from({ length: 16 }, (_, bits) => [0, 1, 2, 3].map((i) => (bits >> i) & 1)).filter(
      exclusive,
    );
    let best = 0;
    for (const subset of subsetsOf(allowed, block.settings.length))
      best = Math.max(best, information(subset));
    expect(information(block.settings)).toBeGreaterThanOrEqual(0.98 ** 4 * best);
  });

  it('report partial aliases and the efficiency', () => {
    const plan = planFor({ factors: twoLevels(5), runs: 32, isAllowed: exclusive });
    expect(plan.kind).toBe('optimal');
    expect(plan.resolution).toBeNull();
    expect(plan.efficiency).toBeGreaterThan(0.8);
    expect(plan.efficiency).toBeLessThan(1);
    expect(plan.aliases.length).toBeGreaterThan(0);
    // The two tricks never run together, so their interaction is aliased with their effects.
    expect(plan.aliases.some(({ factor, pair }) => factor === 0 && pair[0] === 0 && pair[1] === 1)).toBe(
      true,
    );
  });

  it('are the same for the same seed', () => {
    const request = { factors: twoLevels(6), runs: 40, isAllowed: exclusive };
    expect(planFor({ ...request, randomSeed: 5 })).toEqual(planFor({ ...request, randomSeed: 5 }));
  });

  it('are found even if there are too many combinations to list', () => {
    const isAllowed = (setting: StudySetting) =>
      exclusive(setting) && !(setting[12] === 1 && setting[13] === 0);
    const plan = planFor({ factors: twoLevels(14), runs: 40, isAllowed });
    expect(plan.kind).toBe('optimal');
    expect(settingsOf(plan).every(isAllowed)).toBe(true);
    const harmless = planFor({ factors: twoLevels(14), runs: 40, isAllowed: () => true });
    expect(harmless.kind).toBe('plackett_burman');
  });
});

describe('designs with factors of several levels', () => {
  it('run all combinations if the budget has room for them', () => {
    const plan = planFor({ factors: factorsOf(2, 3), runs: 32 });
    expect(plan).toMatchObject({ kind: 'full', efficiency: null, aliases: [], resolution: null });
    expect(plan.blocks.map(({ settings }) => settings.length)).toEqual(new Array(5).fill(6));
    expect(plan.residualDegrees).toBe(30 - 5 - 3);
  });

  it('are nearly orthogonal subsets otherwise', () => {
    const plan = planFor({ factors: factorsOf(2, 2, 2, 3, 3), runs: 40 });
    expect(plan.kind).toBe('optimal');
    expect(plan.efficiency).toBeGreaterThan(0.9);
  });

  it('find the orthogonal array of nine runs for four factors of three levels', () => {
    const plan = planFor({ factors: factorsOf(3, 3, 3, 3), runs: 18 });
    expect(plan.blocks.map(({ settings }) => settings.length)).toEqual([9, 9]);
    expect(plan.efficiency).toBeNull();
    for (const { settings } of plan.blocks)
      for (let a = 0; a < 4; a++)
        for (let b = a + 1; b < 4; b++)
          expect(new Set(settings.map((setting) => `${setting[a]} ${setting[b]}`)).size).toBe(9);
  });

  it('change every level one at a time, and add them up in a stack', () => {
    const settings = (kind: 'one_at_a_time' | 'leave_one_out' | 'stack') =>
      planFor({ factors: factorsOf(2, 3), wish: { kind }, runs: 12 })
        .blocks[0]?.settings.map(String)
        .sort();
    expect(settings('one_at_a_time')).toEqual(['0,0', '0,1', '0,2', '1,0']);
    expect(settings('leave_one_out')).toEqual(['0,2', '1,0', '1,1', '1,2']);
    expect(settings('stack')).toEqual(['0,0', '1,0', '1,1', '1,2']);
  });
});
