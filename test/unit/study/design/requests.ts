import type { StudyFactor, StudyPlan } from '../../../../src/protocol/study';
import { chooseDesign } from '../../../../src/study/design/chooseDesign';
import type { DesignRequest } from '../../../../src/study/design/request';

/** Factors with these numbers of levels. */
export function factorsOf(...levels: number[]): StudyFactor[] {
  return levels.map((count, i) => ({
    key: `factor_${i}`,
    kind: count === 2 ? 'trick' : 'key',
    levels: Array.from({ length: count }, (_, level) => `level ${level}`),
  }));
}

/** Factors of two levels. */
export function twoLevels(count: number): StudyFactor[] {
  return factorsOf(...new Array<number>(count).fill(2));
}

export function requestOf(changes: Partial<DesignRequest>): DesignRequest {
  return { factors: twoLevels(5), wish: { kind: 'auto' }, runs: 32, randomSeed: 1, ...changes };
}

/** Returns the plan of a request that has one. */
export function planFor(changes: Partial<DesignRequest>): StudyPlan {
  const result = chooseDesign(requestOf(changes));
  if (result.kind !== 'plan') throw new Error(`No plan: ${JSON.stringify(result.problem)}`);
  return result.plan;
}

/** Returns the number of runs in a plan. */
export function runsIn(plan: StudyPlan): number {
  return plan.blocks.flatMap(({ settings }) => settings).length;
}
