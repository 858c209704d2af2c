import type { StudyAnalysis } from '../../protocol/study';
import type { Noise } from './estimates';
import { twoSidedQuantile } from './fit/distributions';
import type { LeastSquares } from './fit/leastSquares';
import type { UsedRun } from './input';

/** Maximum probability that a study without outliers lists one (Bonferroni over the runs). */
const LEVEL = 0.05;

/**
 * Returns runs whose residual is larger than the noise of the others explains. Tests externally studentized residuals
 * (Cook and Weisberg 1982, 2.2.1) against Student's t.
 */
export function outliersOf(
  runs: readonly UsedRun[],
  fit: LeastSquares,
  noise: Noise,
): StudyAnalysis['outliers'] {
  const degrees = noise.degrees - 1;
  if (degrees < 1 || noise.variance === 0) return [];
  const limit = twoSidedQuantile(degrees, LEVEL / runs.length);
  return runs.flatMap((run, position) => {
    const residual = noise.residuals[position] ?? 0;
    const freedom = fit.residualMaker[position]?.[position] ?? 0;
    // A run that the model fits exactly, whatever its value, carries no information.
    if (freedom < 1e-9) return [];
    const others = (noise.variance * noise.degrees - residual ** 2 / freedom) / degrees;
    const studentized = others <= 0 ? Math.sign(residual) * 1e9 : residual / Math.sqrt(others * freedom);
    return Math.abs(studentized) > limit ? [{ run: run.index, residual, studentized }] : [];
  });
}
