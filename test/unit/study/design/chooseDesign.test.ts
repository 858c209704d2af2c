import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StudyPlan, StudySetting } from '../../../../src/protocol/study';
import { chooseDesign } from '../../../../src/study/design/chooseDesign';
import { planFor, requestOf, runsIn, twoLevels } from './requests';

/** Returns the products of some factors' signs over all runs of a plan, with block means subtracted. */
function productWithinBlocks(plan: StudyPlan, factors: readonly number[]): number[] {
  return plan.blocks.flatMap(({ settings }) => {
    const products = settings.map((setting) =>
      factors.reduce((sign, factor) => (setting[factor] === 1 ? sign : -sign), 1),
    );
    const mean = products.reduce((sum, product) => sum + product, 0) / products.length;
    return products.map((product) => product - mean);
  });
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

/** Returns the rank of a matrix by Gaussian elimination. */
function rankOf(rows: readonly (readonly number[])[]): number {
  const rest = rows.map((row) => [...row]);
  let rank = 0;
  for (let column = 0; column < (rest[0]?.length ?? 0); column++) {
    const pivot = rest.slice(rank).findIndex((row) => Math.abs(row[column] as number) > 1e-9);
    if (pivot < 0) continue;
    const [row] = rest.splice(rank + pivot, 1) as [number[]];
    rest.splice(rank, 0, row);
    for (const other of rest.slice(rank + 1)) {
      const ratio = (other[column] as number) / (row[column] as number);
      for (let i = column; i < other.length; i++)
        other[i] = (other[i] as number) - ratio * (row[i] as number);
    }
    rank++;
  }
  return rank;
}

/** One dummy variable per block, one column per factor. */
function modelRows(plan: StudyPlan): number[][] {
  return plan.blocks.flatMap(({ settings }, block) =>
    settings.map((setting) => [...plan.blocks.map((_, other) => (other === block ? 1 : 0)), ...setting]),
  );
}

function pairsOf(count: number): [number, number][] {
  const all = Array.from({ length: count }, (_, i) => i);
  return all.flatMap((a) => all.slice(a + 1).map((b): [number, number] => [a, b]));
}

describe('plans that are chosen automatically', () => {
  const requests = fc.record({
    count: fc.integer({ min: 2, max: 10 }),
    runs: fc.integer({ min: 4, max: 128 }),
    leastBlocks: fc.constantFrom(1, 2, 3),
    randomSeed: fc.integer({ min: 0, max: 1e9 }),
  });

  it('keep to the budget, separate every effect and have the resolution that they claim', () => {
    fc.assert(
      fc.property(requests, ({ count, runs, leastBlocks, randomSeed }) => {
        const request = requestOf({ factors: twoLevels(count), runs, leastBlocks, randomSeed });
        const result = chooseDesign(request);
        if (result.kind === 'problem') {
          if (result.problem.kind !== 'budget_too_small') throw new Error(result.problem.kind);
          const { smallestRuns } = result.problem;
          expect(smallestRuns).toBeGreaterThan(runs);
          const enough = chooseDesign({ ...request, runs: smallestRuns });
          expect(enough.kind === 'plan' && runsIn(enough.plan)).toBe(smallestRuns);
          return;
        }
        const { plan } = result;
        const used = runsIn(plan);
        expect(used).toBeLessThanOrEqual(runs);
        expect(plan.blocks.length).toBeGreaterThanOrEqual(leastBlocks);
        for (const { settings } of plan.blocks) {
          expect(settings.length).toBe(plan.blocks[0]?.settings.length);
          expect(new Set(settings.map(String)).size).toBe(settings.length);
          for (let factor = 0; factor < count; factor++)
            expect(2 * settings.filter((setting) => setting[factor] === 1).length).toBe(settings.length);
        }
        expect(rankOf(modelRows(plan))).toBe(plan.blocks.length + count);
        expect(plan.residualDegrees).toBe(used - plan.blocks.length - count);
        expect(plan.residualDegrees).toBeGreaterThanOrEqual(3);
        expect(plan.efficiency).toBeNull();
        expectTrueAliases(plan, count);
        if (leastBlocks < 3 && plan.blocks.length > 1) expect(plan.aliases).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  /**
   * For orthogonal main effects, the alias matrix is their inner products with the interactions, divided by the number
   * of runs.
   */
  function expectTrueAliases(plan: StudyPlan, count: number): void {
    const used = runsIn(plan);
    const mains = Array.from({ length: count }, (_, factor) => productWithinBlocks(plan, [factor]));
    for (const [a, b] of pairsOf(count))
      expect(dot(mains[a] as number[], mains[b] as number[])).toBeCloseTo(0, 9);
    const interactions = pairsOf(count).map((pair) => ({ pair, column: productWithinBlocks(plan, pair) }));
    const expected = mains.flatMap((main, factor) =>
      interactions.flatMap(({ pair, column }) => {
        const share = dot(main, column) / used;
        return Math.abs(share) > 1e-9 ? [`${factor} ${pair} ${share.toFixed(6)}`] : [];
      }),
    );
    expect(plan.aliases.map(({ factor, pair, share }) => `${factor} ${pair} ${share.toFixed(6)}`)).toEqual(
      expected,
    );
    const isTouched = interactions.some(({ column }, i) =>
      interactions.slice(i + 1).some((other) => Math.abs(dot(column, other.column)) > 1e-9),
    );
    if (expected.length > 0) expect(plan.resolution).toBe(3);
    else if (isTouched) expect(plan.resolution).toBe(4);
    else expect(plan.resolution === null || plan.resolution >= 5).toBe(true);
    expect(plan.resolution === null).toBe(plan.kind === 'full');
  }

  it.each([
    // factors, budget, kind, blocks, runs per block, resolution
    [2, 8, 'full', 2, 4, null],
    [4, 32, 'full', 2, 16, null],
    [5, 16, 'fractional', 2, 8, 4],
    [5, 32, 'full', 2, 16, null],
    [5, 48, 'fractional', 3, 16, 5],
    [6, 32, 'fractional', 2, 16, 4],
    [7, 16, 'fractional', 2, 8, 4],
    [8, 32, 'fractional', 2, 16, 4],
    [10, 32, 'fractional', 2, 16, 4],
    [10, 128, 'fractional', 2, 64, 5],
  ])('of %i factors and %i runs: %s, %i blocks of %i', (count, runs, kind, blocks, size, resolution) => {
    const plan = planFor({ factors: twoLevels(count), runs });
    expect(plan).toMatchObject({ kind, resolution });
    expect(plan.blocks.map(({ settings }) => settings.length)).toEqual(new Array(blocks).fill(size));
  });

  it('fold a Plackett-Burman design over if no regular one of resolution IV fits', () => {
    const plan = planFor({ factors: twoLevels(9), runs: 24 });
    expect(plan).toMatchObject({ kind: 'plackett_burman', resolution: 4, aliases: [] });
    const [first, second] = plan.blocks.map(({ settings }) => settings) as [StudySetting[], StudySetting[]];
    expect(new Set(second.map(String))).toEqual(
      new Set(first.map((setting) => String(setting.map((level) => 1 - level)))),
    );
  });

  it('fold a Plackett-Burman design over if it uses half as many runs more of the budget', () => {
    expect(planFor({ runs: 23 }).kind).toBe('fractional');
    expect(planFor({ runs: 24 }).kind).toBe('plackett_burman');
    expect(planFor({ factors: twoLevels(4), runs: 24 }).kind).toBe('fractional');
  });

  it('name the pairs that an effect may be due to, if one block has to suffice', () => {
    const plan = planFor({ factors: twoLevels(10), runs: 16, leastBlocks: 1 });
    expect(plan).toMatchObject({ kind: 'fractional', resolution: 3 });
    // K = AB generates the tenth factor, as a sum of levels. In signs, the product is negated.
    expect(plan.aliases).toContainEqual({ factor: 9, pair: [0, 1], share: -1 });
  });

  it('use one block only if two do not fit', () => {
    expect(planFor({ factors: twoLevels(4), runs: 8, leastBlocks: 1 }).blocks.length).toBe(1);
    expect(planFor({ factors: twoLevels(4), runs: 16, leastBlocks: 1 }).blocks.length).toBe(2);
  });

  it('have up to 23 factors', () => {
    expect(planFor({ factors: twoLevels(23), runs: 48 })).toMatchObject({
      kind: 'plackett_burman',
      resolution: 4,
    });
    expect(planFor({ factors: twoLevels(11), runs: 40 }).blocks[0]?.settings.length).toBe(20);
  });

  it('are optimal ones of 24 two-level factors and more', () => {
    const plan = planFor({ factors: twoLevels(24), runs: 60 });
    expect(plan.kind).toBe('optimal');
    expect(rankOf(modelRows(plan))).toBe(plan.blocks.length + 24);
  });
});

describe('the order of runs', () => {
  it('changes with the seed, and the sets of settings do not', () => {
    const sets = (plan: StudyPlan) => plan.blocks.map(({ settings }) => settings.map(String).sort());
    const plans = [1, 2].map((randomSeed) => planFor({ runs: 64, randomSeed }));
    expect(plans[0]?.blocks).not.toEqual(plans[1]?.blocks);
    expect(sets(plans[0] as StudyPlan)).toEqual(sets(plans[1] as StudyPlan));
    expect(planFor({ runs: 64, randomSeed: 2 })).toEqual(plans[1]);
  });

  it('puts every setting at every position about equally often', () => {
    const counts = new Map<string, number>();
    const orders = 600;
    for (let randomSeed = 0; randomSeed < orders; randomSeed++) {
      const first = planFor({ factors: twoLevels(2), runs: 8, randomSeed }).blocks[0]?.settings[0];
      counts.set(String(first), (counts.get(String(first)) ?? 0) + 1);
    }
    // Four settings: 150 expected each. 110 to 190 is 3.8 standard deviations.
    expect(counts.size).toBe(4);
    for (const count of counts.values()) expect(Math.abs(count - orders / 4)).toBeLessThan(40);
  });

  it('differs between blocks of the same settings', () => {
    const plan = planFor({ wish: { kind: 'one_at_a_time' }, runs: 60 });
    expect(new Set(plan.blocks.map(({ settings }) => settings.join(' '))).size).toBeGreaterThan(5);
  });
});

describe('designs by name', () => {
  it('screening is the smallest of resolution IV', () => {
    const sizes = [2, 3, 4, 5, 6, 7, 8, 9, 10].map((count) =>
      runsIn(planFor({ factors: twoLevels(count), wish: { kind: 'screening' }, runs: 200 })),
    );
    expect(sizes).toEqual([8, 8, 16, 16, 16, 16, 24, 24, 24]);
    for (const count of [5, 8, 10])
      expect(planFor({ factors: twoLevels(count), wish: { kind: 'screening' }, runs: 200 }).resolution).toBe(
        4,
      );
  });

  it('full runs every combination equally often', () => {
    const plan = planFor({ factors: twoLevels(4), wish: { kind: 'full' }, runs: 40 });
    expect(plan).toMatchObject({ kind: 'full', resolution: null, aliases: [] });
    expect(runsIn(plan)).toBe(32);
    const all = plan.blocks.flatMap(({ settings }) => settings.map(String));
    expect(new Set(all).size).toBe(16);
  });

  it('one at a time runs the reference and each trick alone, in every block', () => {
    const plan = planFor({ factors: twoLevels(3), wish: { kind: 'one_at_a_time' }, runs: 11 });
    expect(plan.kind).toBe('one_at_a_time');
    expect(plan.blocks.map(({ settings }) => settings.map(String).sort())).toEqual(
      new Array(2).fill(['0,0,0', '0,0,1', '0,1,0', '1,0,0']),
    );
    // Each effect is seen only without the others, so it contains all of its interactions.
    expect(plan.aliases).toContainEqual({ factor: 0, pair: [0, 1], share: -1 });
    expect(plan.aliases).toHaveLength(6);
    expect(plan.efficiency).toBeCloseTo(0.63, 2);
  });

  it('leave one out runs all tricks, and all but one', () => {
    const plan = planFor({ factors: twoLevels(3), wish: { kind: 'leave_one_out' }, runs: 8 });
    expect(plan.blocks[0]?.settings.map(String).sort()).toEqual(['0,1,1', '1,0,1', '1,1,0', '1,1,1']);
    expect(plan.aliases).toContainEqual({ factor: 0, pair: [0, 1], share: 1 });
  });

  it('stack adds one trick after the other', () => {
    const plan = planFor({ factors: twoLevels(3), wish: { kind: 'stack' }, runs: 8 });
    expect(plan.blocks[0]?.settings.map(String).sort()).toEqual(['0,0,0', '1,0,0', '1,1,0', '1,1,1']);
  });

  it('a list is run in every block', () => {
    const settings = [
      [0, 0],
      [1, 0],
      [1, 1],
    ];
    const plan = planFor({ factors: twoLevels(2), wish: { kind: 'listed', settings }, runs: 10 });
    expect(plan.kind).toBe('listed');
    expect(plan.blocks).toHaveLength(3);
    for (const block of plan.blocks) expect(block.settings.map(String).sort()).toEqual(settings.map(String));
  });
});
