/** The cost of each factor of a command, from the durations of the study's own runs. */
import { LEAST_DEGREES, twoSidedQuantile } from '../../study/analysis/fit/distributions';
import { dot, leastSquaresOf, residualsOf } from '../../study/analysis/fit/leastSquares';
import type { KnownOutcome } from '../analyzing';
import type { StudyCost, StudyRecord } from '../record';

/** Probability that an interval of a cost misses the true one. */
const LEVEL = 0.05;

/**
 * Estimates by which ratio each level changes the time of an epoch: least squares on the logarithm of the durations, with
 * a mean per block. Runs that were not trained in one go are left out. Empty if the runs do not determine anything.
 */
export function costsOfRuns(
  { factors, plan }: Pick<StudyRecord, 'factors' | 'plan'>,
  outcomes: readonly KnownOutcome[],
): StudyCost[] {
  const timed = outcomes.flatMap(({ planned, seconds, epochs }) =>
    seconds !== null && seconds > 0 && planned.crashes === 0 && planned.setting.length === factors.length
      ? [{ ...planned, log: Math.log(seconds / Math.max(1, epochs ?? 1)) }]
      : [],
  );
  const levels = factors.flatMap(({ levels }, factor) =>
    levels.slice(1).map((_, index) => ({ factor, level: index + 1 })),
  );
  if (timed.length === 0) return [];
  const fit = leastSquaresOf(
    timed.map(({ block, setting }) => [
      ...plan.blocks.map((_, index) => Number(index === block)),
      ...levels.map(({ factor, level }) => Number(setting[factor] === level)),
    ]),
  );
  if (fit.degrees < LEAST_DEGREES) return [];
  const logs = timed.map(({ log }) => log);
  const residuals = residualsOf(fit, logs);
  const variance = dot(residuals, residuals) / fit.degrees;
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  return levels.flatMap((each, index): StudyCost[] => {
    const column = plan.blocks.length + index;
    const weights = fit.weights[column];
    if (!weights || !fit.isEstimable[column]) return [];
    const log = dot(weights, logs);
    const half = twoSidedQuantile(fit.degrees, LEVEL) * Math.sqrt(dot(weights, weights) * variance);
    const share = timed.filter(({ setting }) => setting[each.factor] === each.level).length / timed.length;
    const without = Math.exp(mean - share * log);
    return [
      {
        ...each,
        ...{ secondsPerEpoch: without * Math.exp(log), secondsPerEpochWithout: without },
        ...{ memoryBytes: null, memoryBytesWithout: null },
        fromRuns: {
          ...{ runs: timed.length, ratio: Math.exp(log) },
          ...{ low: Math.exp(log - half), high: Math.exp(log + half) },
        },
      },
    ];
  });
}
