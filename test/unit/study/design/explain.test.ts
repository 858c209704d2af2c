import { describe, expect, it } from 'vitest';
import type { StudySetting } from '../../../../src/protocol/study';
import { explainDesign } from '../../../../src/study/design/explain';
import type { DesignRequest } from '../../../../src/study/design/request';
import { factorsOf, planFor, requestOf, twoLevels } from './requests';

const explanationOf = (changes: Partial<DesignRequest>) =>
  explainDesign(requestOf(changes), planFor(changes));
const exclusive = (setting: StudySetting) => !(setting[0] === 1 && setting[1] === 1);

describe('the reason for a design', () => {
  it.each([
    ['asked', { wish: { kind: 'one_at_a_time' } }],
    ['smallest_clear', { wish: { kind: 'screening' } }],
    ['largest_clear', { runs: 32 }],
    ['no_regular_fits', { factors: twoLevels(8), runs: 24 }],
    ['uses_more_of_the_budget', { runs: 24 }],
    ['nothing_clear_fits', { runs: 12, leastBlocks: 1 }],
    ['impossible_combinations', { isAllowed: exclusive }],
    ['several_levels', { factors: factorsOf(2, 2, 3) }],
    ['many_factors', { factors: twoLevels(24), runs: 60 }],
  ] as const)('is %s', (reason, changes) => {
    expect(explanationOf(changes).reason).toBe(reason);
  });
});

describe('an explanation', () => {
  it('counts runs, blocks and what is left of the budget', () => {
    expect(explanationOf({ runs: 37 })).toMatchObject({
      kind: 'full',
      resolution: null,
      runs: 32,
      runsLeft: 5,
      blocks: 2,
      runsPerBlock: 16,
      differentSettings: 32,
      residualDegrees: 25,
      hasIntervals: true,
      isOneBlock: false,
      touchedEffects: [],
      touchedInteractions: [],
    });
  });

  it('names the interactions that look the same in a design of resolution IV', () => {
    // After foldover, ABD and ACE cancel and BCDE remains: its factors' pairs are aliased two by two.
    const { touchedEffects, touchedInteractions } = explanationOf({ runs: 16 });
    expect(touchedEffects).toEqual([]);
    expect(touchedInteractions).toEqual([
      { pair: [1, 2], other: [3, 4], share: 1 },
      { pair: [1, 3], other: [2, 4], share: 1 },
      { pair: [1, 4], other: [2, 3], share: 1 },
    ]);
  });

  it('names the pairs that an effect may be due to, in one block of resolution III', () => {
    const { touchedEffects, isOneBlock, residualDegrees } = explanationOf({
      factors: twoLevels(10),
      runs: 16,
      leastBlocks: 1,
    });
    expect(isOneBlock).toBe(true);
    expect(residualDegrees).toBe(5);
    const last = touchedEffects.find(({ factor }) => factor === 9);
    expect(last?.pairs).toContainEqual({ pair: [0, 1], share: -1 });
  });

  it('sorts pairs by their shares', () => {
    const { touchedEffects } = explanationOf({ runs: 32, isAllowed: exclusive });
    expect(touchedEffects.length).toBeGreaterThan(0);
    for (const { pairs } of touchedEffects) {
      const shares = pairs.map(({ share }) => Math.abs(share));
      expect(shares).toEqual([...shares].sort((a, b) => b - a));
    }
  });

  it('says where there are no intervals', () => {
    const { hasIntervals, isOneBlock } = explanationOf({ wish: { kind: 'stack' }, runs: 6, leastBlocks: 1 });
    expect([hasIntervals, isOneBlock]).toEqual([false, true]);
  });
});
