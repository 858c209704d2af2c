import type { StudySetting } from '../../../protocol/study';
import { twoSidedP } from './distributions';
import type { LeastSquares } from './leastSquares';

/**
 * Noise counts as uneven if one level of a factor differs from the others with a p value below this. With many levels
 * tested, this often happens by chance. Robust errors then cost a little width and no coverage.
 */
const LEVEL = 0.2;

/**
 * If the residual degrees of freedom are below this share of the runs, the residuals are too mixed to attribute noise
 * to runs.
 */
const LEAST_SHARE = 0.5;

/** A run whose residual has less freedom than this is fitted exactly, whatever its noise. */
const NO_FREEDOM = 1e-9;

/** Whether two levels are run about equally often. The pooled variance is then correct whatever their noise. */
function isBalanced(settings: readonly StudySetting[], factor: number): boolean {
  const first = settings.filter((setting) => setting[factor] === 0).length;
  const second = settings.length - first;
  return Math.max(first, second) <= 1.5 * Math.min(first, second);
}

/** Noise that differs between levels. */
export interface UnevenNoise {
  /** Noise variance per run. */
  readonly variances: Float64Array;
  /** The resulting covariance of the residuals, [runs][runs]. */
  readonly covariance: readonly Float64Array[];
}

/**
 * Returns the noise if it differs between levels of a factor; null if it appears homogeneous. Uses t tests on the
 * residuals' absolute values, each divided by its own standard deviation, in the manner of Levene (1960). The level
 * with the smallest p value gets its own variance, and all other runs share another.
 *
 * @param levels number of levels per factor
 */
export function unevenNoise(
  settings: readonly StudySetting[],
  levels: readonly number[],
  fit: LeastSquares,
  residuals: Float64Array,
): UnevenNoise | null {
  if (fit.degrees < LEAST_SHARE * fit.runs) return null;
  const sizes = settings.flatMap((_, run) => {
    const freedom = fit.residualMaker[run]?.[run] ?? 0;
    return freedom < NO_FREEDOM ? [] : [{ run, size: Math.abs(residuals[run] ?? 0) / Math.sqrt(freedom) }];
  });
  let least = LEVEL;
  let uneven: UnevenNoise | null = null;
  levels.forEach((count, factor) => {
    if (count === 2 && isBalanced(settings, factor)) return;
    // With two levels, one test suffices.
    for (let level = 0; level < (count === 2 ? 1 : count); level++) {
      const inside: number[] = [];
      const outside: number[] = [];
      for (const { run, size } of sizes) (settings[run]?.[factor] === level ? inside : outside).push(size);
      const p = differenceP(inside, outside);
      if (p >= least) continue;
      least = p;
      const isInside = settings.map((setting) => setting[factor] === level);
      const variances = twoVariances(fit, residuals, isInside);
      if (variances) uneven = unevenBy(fit, isInside, ...variances);
    }
  });
  return uneven;
}

/**
 * Estimates the noise variances inside and outside a group of runs by equating the squared residuals to their
 * expectations (MINQUE, Rao 1970), at least 0. Null if the residuals do not separate the two.
 */
function twoVariances(
  { residualMaker }: LeastSquares,
  residuals: Float64Array,
  isInside: readonly boolean[],
): [number, number] | null {
  let [within, between, without] = [0, 0, 0];
  let [inside, outside] = [0, 0];
  residualMaker.forEach((row, a) => {
    const square = (residuals[a] ?? 0) ** 2;
    if (isInside[a]) inside += square;
    else outside += square;
    for (let b = 0; b < row.length; b++) {
      const each = (row[b] ?? 0) ** 2;
      if (isInside[a] !== isInside[b]) between += each / 2;
      else if (isInside[a]) within += each;
      else without += each;
    }
  });
  const determinant = within * without - between ** 2;
  if (determinant <= 1e-9) return null;
  const first = (inside * without - outside * between) / determinant;
  const second = (outside * within - inside * between) / determinant;
  return [Math.max(first, 0), Math.max(second, 0)];
}

function unevenBy(
  { residualMaker }: LeastSquares,
  isInside: readonly boolean[],
  inside: number,
  outside: number,
): UnevenNoise {
  const part = residualMaker.map(() => new Float64Array(residualMaker.length));
  residualMaker.forEach((row, run) => {
    if (!isInside[run]) return;
    for (let a = 0; a < row.length; a++) {
      const into = part[a] as Float64Array;
      const factor = row[a] ?? 0;
      for (let b = 0; b < row.length; b++) into[b] = (into[b] ?? 0) + factor * (row[b] ?? 0);
    }
  });
  return {
    variances: Float64Array.from(isInside, (is) => (is ? inside : outside)),
    covariance: residualMaker.map((row, a) =>
      row.map((each, b) => outside * each + (inside - outside) * (part[a]?.[b] ?? 0)),
    ),
  };
}

/** Returns the p value of a two-sided t test with pooled variance; 1 if there are too few values. */
function differenceP(first: readonly number[], second: readonly number[]): number {
  const degrees = first.length + second.length - 2;
  if (first.length === 0 || second.length === 0 || degrees < 1) return 1;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(first), mean(second)];
  const squares =
    first.reduce((sum, value) => sum + (value - a) ** 2, 0) +
    second.reduce((sum, value) => sum + (value - b) ** 2, 0);
  if (squares === 0) return 1;
  const error = Math.sqrt((squares / degrees) * (1 / first.length + 1 / second.length));
  return twoSidedP((a - b) / error, degrees);
}

/**
 * Returns a contrast's variance under uneven noise: HC2 (MacKinnon and White 1985), corrected for its downward bias
 * under noise of the given kind, with Satterthwaite's degrees of freedom (Bell and McCaffrey 2002).
 *
 * @param pooled the residual variance of all runs
 */
export function robustVariance(
  weights: Float64Array,
  fit: LeastSquares,
  residuals: Float64Array,
  pooled: number,
  { variances, covariance }: UnevenNoise,
): { variance: number; degrees: number } {
  const scaled = new Float64Array(weights.length);
  let variance = 0;
  // For runs whose residuals have no freedom and hence carry no information about their noise.
  let rest = 0;
  let target = 0;
  for (let run = 0; run < weights.length; run++) {
    const square = (weights[run] ?? 0) ** 2;
    const freedom = fit.residualMaker[run]?.[run] ?? 0;
    if (freedom < NO_FREEDOM) {
      rest += square * pooled;
      continue;
    }
    scaled[run] = square / freedom;
    variance += (square / freedom) * (residuals[run] ?? 0) ** 2;
    target += square * (variances[run] ?? 0);
  }
  // HC2 is a quadratic form of the residuals. Its degrees of freedom are twice its squared mean over its variance.
  let mean = 0;
  let spread = 0;
  covariance.forEach((row, a) => {
    mean += (scaled[a] ?? 0) * (row[a] ?? 0);
    for (let b = 0; b < row.length; b++) spread += (scaled[a] ?? 0) * (scaled[b] ?? 0) * (row[b] ?? 0) ** 2;
  });
  if (mean <= 0 || spread === 0) return { variance: variance + rest, degrees: fit.degrees };
  return {
    variance: Math.max((variance * target) / mean, variance) + rest,
    degrees: Math.min(mean ** 2 / spread, fit.degrees),
  };
}
