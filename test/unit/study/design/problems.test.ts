import { describe, expect, it } from 'vitest';
import type { StudySetting } from '../../../../src/protocol/study';
import { chooseDesign } from '../../../../src/study/design/chooseDesign';
import type { DesignRequest } from '../../../../src/study/design/request';
import { factorsOf, requestOf, runsIn, twoLevels } from './requests';

function problemOf(changes: Partial<DesignRequest>) {
  const result = chooseDesign(requestOf(changes));
  if (result.kind !== 'problem') throw new Error('There is a plan');
  return result.problem;
}

const listed = (settings: readonly StudySetting[]) => ({ kind: 'listed' as const, settings });

describe('a budget that is too small', () => {
  it.each([
    ['auto', 5, 15, 16, 12],
    ['auto', 4, 12, 16, 8],
    ['screening', 8, 16, 24, 16],
    ['full', 4, 15, 16, 16],
    ['one_at_a_time', 5, 11, 12, 6],
    ['leave_one_out', 5, 11, 12, 6],
    ['stack', 2, 8, 9, 3],
  ] as const)(
    'gives the smallest that works: %s, %i factors, %i runs',
    (kind, count, runs, smallest, inOne) => {
      const request = { factors: twoLevels(count), wish: { kind }, runs };
      expect(problemOf(request)).toEqual({
        kind: 'budget_too_small',
        smallestRuns: smallest,
        smallestRunsInOneBlock: inOne,
      });
      for (const [enough, leastBlocks] of [
        [smallest, 2],
        [inOne, 1],
      ] as const) {
        const result = chooseDesign(requestOf({ ...request, runs: enough, leastBlocks }));
        expect(result.kind === 'plan' && runsIn(result.plan)).toBe(enough);
        expect(problemOf({ ...request, runs: enough - 1, leastBlocks }).kind).toBe('budget_too_small');
      }
    },
  );

  it('gives it for no runs at all', () => {
    expect(problemOf({ runs: 0 })).toMatchObject({ kind: 'budget_too_small', smallestRuns: 16 });
  });

  it('gives it with impossible combinations and several levels', () => {
    const isAllowed = (setting: StudySetting) => !(setting[0] === 1 && setting[1] === 1);
    expect(problemOf({ runs: 8, isAllowed })).toMatchObject({ kind: 'budget_too_small', smallestRuns: 12 });
    expect(problemOf({ factors: factorsOf(2, 3), runs: 4 })).toMatchObject({ smallestRuns: 8 });
    expect(problemOf({ factors: twoLevels(12), wish: { kind: 'full' } })).toMatchObject({
      smallestRuns: 8192,
    });
  });
});

describe('factors that no design can separate', () => {
  it('are none at all, or one with a single level', () => {
    expect(problemOf({ factors: [] })).toEqual({ kind: 'no_factors' });
    expect(problemOf({ factors: factorsOf(2, 1, 2) })).toEqual({ kind: 'one_level', factor: 1 });
  });

  it('are too many for a full list or an optimal search', () => {
    expect(problemOf({ factors: twoLevels(13), wish: { kind: 'full' } }).kind).toBe('too_many_combinations');
    expect(problemOf({ factors: twoLevels(31), runs: 500 })).toEqual({ kind: 'too_many_factors', most: 30 });
  });

  it.each(['auto', 'screening', 'full'] as const)('have no allowed combinations that differ: %s', (kind) => {
    const wish = { kind };
    expect(problemOf({ wish, isAllowed: () => false })).toEqual({ kind: 'no_allowed_setting' });
    expect(problemOf({ wish, isAllowed: (setting) => setting[2] === 1 })).toEqual({
      kind: 'never_varies',
      factor: 2,
      level: 1,
    });
    expect(
      problemOf({ wish, factors: factorsOf(2, 3, 2), isAllowed: (setting) => setting[1] !== 2 }),
    ).toEqual({ kind: 'level_never_run', factor: 1, level: 2 });
    expect(problemOf({ wish, isAllowed: (setting) => setting[0] === setting[3] })).toEqual({
      kind: 'inseparable',
      factors: [0, 3],
    });
  });

  it('have no allowed combinations among more than are listed', () => {
    expect(problemOf({ factors: twoLevels(14), runs: 80, isAllowed: () => false }).kind).toBe(
      'no_allowed_setting',
    );
    const together = (setting: StudySetting) => setting[3] === setting[4];
    expect(problemOf({ factors: twoLevels(14), runs: 80, isAllowed: together })).toEqual({
      kind: 'inseparable',
      factors: [3, 4],
    });
  });
});

describe('a design that needs an impossible run', () => {
  const exclusive = (setting: StudySetting) => !(setting[0] === 1 && setting[1] === 1);
  const implied = (setting: StudySetting) => !(setting[1] === 1 && setting[0] === 0);

  it('names the runs', () => {
    const factors = twoLevels(3);
    const of = (kind: 'one_at_a_time' | 'leave_one_out' | 'stack', isAllowed: typeof exclusive) =>
      problemOf({ factors, wish: { kind }, isAllowed });
    expect(of('one_at_a_time', implied)).toEqual({ kind: 'impossible_settings', settings: [[0, 1, 0]] });
    expect(of('stack', exclusive)).toEqual({
      kind: 'impossible_settings',
      settings: [
        [1, 1, 0],
        [1, 1, 1],
      ],
    });
    expect(of('leave_one_out', exclusive)).toEqual({
      kind: 'impossible_settings',
      settings: [
        [1, 1, 1],
        [1, 1, 0],
      ],
    });
    const settings = [
      [0, 0, 0],
      [1, 1, 0],
    ];
    expect(problemOf({ factors, wish: listed(settings), isAllowed: exclusive })).toEqual({
      kind: 'impossible_settings',
      settings: [[1, 1, 0]],
    });
  });
});

describe('a list of settings', () => {
  const factors = twoLevels(2);

  it.each([
    ['is empty', [], { kind: 'empty_list' }],
    [
      'has a setting twice',
      [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 0],
      ],
      { kind: 'repeated_setting', entries: [1, 3] },
    ],
    ['has too few levels', [[0, 0], [1]], { kind: 'malformed_setting', entry: 1 }],
    [
      'has a level that does not exist',
      [
        [0, 0],
        [1, 0],
        [0, 2],
      ],
      { kind: 'malformed_setting', entry: 2 },
    ],
    ['has a broken number', [[0, 0.5]], { kind: 'malformed_setting', entry: 0 }],
    [
      'never changes a factor',
      [
        [0, 1],
        [1, 1],
      ],
      { kind: 'never_varies', factor: 1, level: 1 },
    ],
    [
      'changes factors together only',
      [
        [0, 0],
        [1, 1],
      ],
      { kind: 'inseparable', factors: [0, 1] },
    ],
  ])('that %s', (_, settings, problem) => {
    expect(problemOf({ factors, wish: listed(settings) })).toEqual(problem);
  });

  it('that omits a level', () => {
    const settings = [
      [0, 0],
      [1, 1],
      [0, 1],
    ];
    expect(problemOf({ factors: factorsOf(2, 3), wish: listed(settings) })).toEqual({
      kind: 'level_never_run',
      factor: 1,
      level: 2,
    });
  });
});
