import { describe, expect, it } from 'vitest';
import type { StudyPlan, StudySetting } from '../../../../src/protocol/study';
import { extendPlan } from '../../../../src/study/design/extendPlan';
import { factorsOf, planFor, requestOf, twoLevels } from './requests';

const exclusive = (setting: StudySetting) => !(setting[0] === 1 && setting[1] === 1);
const sets = (plan: StudyPlan) => plan.blocks.map(({ settings }) => settings.map(String).sort());

describe('a plan with more blocks', () => {
  it.each([
    [
      'a fraction',
      { factors: twoLevels(5), runs: 16 },
      2,
      { factors: twoLevels(5), runs: 32, leastBlocks: 4 },
    ],
    [
      'a Plackett-Burman design',
      { factors: twoLevels(11), runs: 24 },
      2,
      { factors: twoLevels(11), runs: 48, leastBlocks: 4 },
    ],
    ['a full factorial', { factors: twoLevels(3), runs: 16 }, 1, { factors: twoLevels(3), runs: 24 }],
    ['an optimal design', { factors: twoLevels(6), runs: 22, leastBlocks: 2, isAllowed: exclusive }, 1, null],
    ['several levels', { factors: factorsOf(2, 3), runs: 12 }, 2, { factors: factorsOf(2, 3), runs: 24 }],
    [
      'one at a time',
      { factors: twoLevels(4), runs: 10, wish: { kind: 'one_at_a_time' as const } },
      3,
      { factors: twoLevels(4), runs: 25, wish: { kind: 'one_at_a_time' as const } },
    ],
  ])('has the same blocks first, then those of a larger plan: %s', (_, request, more, larger) => {
    const plan = planFor(request);
    const extended = extendPlan(plan, requestOf(request), more);
    expect(extended.blocks.slice(0, plan.blocks.length)).toEqual(plan.blocks);
    expect(extended.blocks).toHaveLength(plan.blocks.length + more);
    expect(extended.residualDegrees - plan.residualDegrees).toBe(
      more * ((plan.blocks[0]?.settings.length ?? 0) - 1),
    );
    if (larger) expect(extended).toEqual(planFor(larger));
  });

  it('becomes the full factorial once its fractions fill it, and no longer is with one block more', () => {
    const plan = planFor({ runs: 16 });
    expect(plan).toMatchObject({ kind: 'fractional', resolution: 4 });
    expect(extendPlan(plan, requestOf({}), 1)).toMatchObject({ kind: 'fractional', resolution: 3 });
    expect(extendPlan(plan, requestOf({}), 2)).toMatchObject({ kind: 'full', resolution: null, aliases: [] });
    expect(extendPlan(plan, requestOf({}), 3)).toMatchObject({ kind: 'fractional', resolution: 3 });
  });

  it('is the same in one step and in two', () => {
    const request = { factors: twoLevels(7), runs: 16 };
    const plan = planFor(request);
    const twice = extendPlan(extendPlan(plan, requestOf(request), 1), requestOf(request), 2);
    expect(twice).toEqual(extendPlan(plan, requestOf(request), 3));
  });

  it('repeats blocks in a new order, if no design here gives more', () => {
    const plan = planFor({ factors: twoLevels(4), runs: 16 });
    const foreign = { ...plan, blocks: [...plan.blocks].reverse() };
    const extended = extendPlan(foreign, requestOf({ factors: twoLevels(4) }), 2);
    expect(extended.blocks.slice(0, 2)).toEqual(foreign.blocks);
    expect(sets(extended).slice(2)).toEqual(sets(foreign));
    expect(extended.blocks[2]).not.toEqual(extended.blocks[0]);
  });
});
