import type { StudyFactor, StudyPlan, StudyRunOutcome, StudySetting } from '../../../../src/protocol/study';
import type { StudyInput } from '../../../../src/study/analysis/index';

/** Factors with these numbers of levels. */
export function factorsOf(levels: readonly number[]): StudyFactor[] {
  return levels.map((count, index) => ({
    key: `factor${index}`,
    kind: 'trick',
    levels: Array.from({ length: count }, (_, level) => `level${level}`),
  }));
}

/** All combinations of levels. */
export function fullFactorial(levels: readonly number[]): StudySetting[] {
  return levels.reduce<number[][]>(
    (settings, count) =>
      settings.flatMap((setting) => Array.from({ length: count }, (_, level) => [...setting, level])),
    [[]],
  );
}

export function planOf(
  blocks: readonly (readonly StudySetting[])[],
  kind: StudyPlan['kind'] = 'full',
): StudyPlan {
  return {
    kind,
    blocks: blocks.map((settings) => ({ settings })),
    resolution: null,
    aliases: [],
    residualDegrees: 0,
    efficiency: null,
  };
}

/** A study in which all runs finished with the results that `value` returns. */
export function studyOf(
  levels: readonly number[],
  plan: StudyPlan,
  value: (setting: StudySetting, block: number, index: number) => number,
  more: Partial<StudyInput> = {},
): StudyInput {
  let index = 0;
  const runs = plan.blocks.flatMap(({ settings }, block) =>
    settings.map(
      (setting): StudyRunOutcome => ({
        block,
        setting,
        seed: block,
        outcome: { kind: 'finished', value: value(setting, block, index++), correct: null },
      }),
    ),
  );
  return {
    factors: factorsOf(levels),
    plan,
    blocksBudgeted: plan.blocks.length,
    runs,
    metric: { name: 'validation_accuracy', higherIsBetter: true, isAccuracy: true },
    smallestEffect: 0.2,
    images: 'shared',
    stop: 'never',
    ...more,
  };
}
