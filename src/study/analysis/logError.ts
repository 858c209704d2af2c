import type { StudyAnalysis } from '../../protocol/study';
import { errorOnThese, halfWidthOf, measure, noiseOf } from './estimates';
import type { UsedRun } from './input';
import { type Model, weightsOf } from './model';

/** Above this mean accuracy, in percentage points, effects on the log of the error are reported too. */
const HIGH_ACCURACY = 97;

/**
 * Returns the factor by which each level changes the error. A run without any error counts as half an image wrong. Null
 * if that run's number of images is unknown, or if the mean accuracy is not above `HIGH_ACCURACY`.
 */
export function logErrorOf(model: Model, runs: readonly UsedRun[]): StudyAnalysis['logError'] {
  const mean = runs.reduce((sum, { value }) => sum + value, 0) / runs.length;
  if (!(mean > HIGH_ACCURACY)) return null;
  const logs = runs.map(({ value, correct }) => {
    if (value < 100) return Math.log(100 - value);
    return correct ? Math.log(50 / correct.length) : Number.NaN;
  });
  if (!logs.every(Number.isFinite)) return null;
  const noise = noiseOf(
    model.fit,
    logs,
    runs.map(({ setting }) => setting),
    model.levels,
  );
  return model.effects.flatMap(({ factor, level, column }) => {
    const weights = weightsOf(model, new Map([[column, 1]]));
    if (!weights) return [];
    const measured = measure(weights, model.fit, logs, noise, null);
    const error = errorOnThese(measured);
    const half = error && halfWidthOf(error, 0.05);
    return [
      {
        factor,
        level,
        ratio: Math.exp(measured.value),
        low: half === null ? null : Math.exp(measured.value - half),
        high: half === null ? null : Math.exp(measured.value + half),
        degrees: error?.degrees ?? 0,
      },
    ];
  });
}
