import type { StudyDivergence, StudyFactor, StudyRunOutcome } from '../../protocol/study';
import { fisherP } from './fit/distributions';

/** Returns how often runs diverged per level, compared with level 0 of the same factor. Empty if none diverged. */
export function divergencesOf(
  factors: readonly StudyFactor[],
  runs: readonly StudyRunOutcome[],
): StudyDivergence[] {
  if (!runs.some(({ outcome }) => outcome.kind === 'diverged')) return [];
  const count = (factor: number, level: number) => {
    const ended = runs.filter(
      ({ setting, outcome }) =>
        setting[factor] === level && (outcome.kind === 'diverged' || outcome.kind === 'finished'),
    );
    return {
      runs: ended.length,
      diverged: ended.filter(({ outcome }) => outcome.kind === 'diverged').length,
    };
  };
  return factors.flatMap(({ levels }, factor) => {
    const without = count(factor, 0);
    return levels.slice(1).map((_, index) => {
      const withIt = count(factor, index + 1);
      return {
        factor,
        level: index + 1,
        divergedWith: withIt.diverged,
        runsWith: withIt.runs,
        divergedWithout: without.diverged,
        runsWithout: without.runs,
        p: fisherP(withIt.diverged, withIt.runs, without.diverged, without.runs),
      };
    });
  });
}
