import type { StudyPlan } from '../../../protocol/study';
import { LEAST_DEGREES } from '../fit/distributions';
import { LEAST_PAIRS } from '../oneAtATime';
import { type LookLevel, lookLevels, type Spending } from './boundaries';

/** A look at a study, with the level that each kind of hypothesis may spend. */
export interface Look {
  /** Counts from 1. `of` is the number of looks. */
  readonly number: number;
  readonly of: number;
  readonly isLast: boolean;
  /** Per effect, two-sided: whether it helps or hurts. */
  readonly different: LookLevel;
  /** Per effect, one-sided: whether it is too small. */
  readonly tooSmall: LookLevel;
  /** Per interval, two-sided. */
  readonly interval: LookLevel;
  /** Per interaction, two-sided. */
  readonly interaction: LookLevel;
  /** Levels of the last look. */
  readonly last: { readonly different: number; readonly tooSmall: number };
}

/** Chance of any false verdict of one kind in a study, and of an interval that misses. */
export const LEVEL = 0.05;

/**
 * Returns the block counts at which a plan is analyzed: from two, as soon as intervals have enough degrees of freedom.
 * Depends only on the plan, because spending must not depend on results.
 */
export function lookSchedule(plan: StudyPlan, effects: number, blocksBudgeted: number): number[] {
  const sizes = plan.blocks.map(({ settings }) => settings.length);
  return Array.from({ length: blocksBudgeted }, (_, index) => index + 1).filter((blocks) => {
    if (blocks < 2) return false;
    if (plan.kind === 'one_at_a_time') return blocks >= LEAST_PAIRS;
    const runs = Array.from({ length: blocks }, (_, block) => sizes[block % sizes.length] ?? 0);
    return runs.reduce((sum, size) => sum + size, 0) - blocks - effects >= LEAST_DEGREES;
  });
}

/**
 * Returns the look after a number of blocks.
 *
 * @param effects, interactions numbers of hypotheses that share the level
 * @returns null if the schedule has no look there, or only one look in total, which means no early looks
 */
export function lookAfter(
  blocks: number,
  schedule: readonly number[],
  blocksBudgeted: number,
  counts: { readonly effects: number; readonly interactions: number },
  spending: Spending,
): Look | null {
  const index = schedule.indexOf(blocks);
  if (index < 0 || schedule.length < 2) return null;
  const information = schedule.map((each) => each / blocksBudgeted);
  const at = (level: number, sides: 1 | 2) => lookLevels(information, level, sides, spending);
  const different = at(LEVEL / counts.effects, 2);
  const tooSmall = at(LEVEL / counts.effects, 1);
  const none = { nominal: 0, spent: 0 };
  return {
    number: index + 1,
    of: schedule.length,
    isLast: index === schedule.length - 1,
    different: different[index] ?? none,
    tooSmall: tooSmall[index] ?? none,
    interval: at(LEVEL, 2)[index] ?? none,
    interaction: at(LEVEL / Math.max(counts.interactions, 1), 2)[index] ?? none,
    last: { different: different.at(-1)?.nominal ?? 0, tooSmall: tooSmall.at(-1)?.nominal ?? 0 },
  };
}
