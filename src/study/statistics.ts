import { twoSidedQuantile } from './analysis/fit/distributions';

/** The mean of differences that belong together in pairs, and how sure it is. */
export interface PairedMean {
  readonly pairs: number;
  readonly mean: number;
  /** Half the width of the mean's 95% interval by Student's t; null for one pair, which says nothing of it. */
  readonly halfWidth: number | null;
}

/** The mean of at least one difference with its two-sided 95% interval. */
export function pairedMean(differences: readonly number[]): PairedMean {
  const pairs = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / pairs;
  if (pairs < 2) return { pairs, mean, halfWidth: null };
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pairs - 1);
  return { pairs, mean, halfWidth: studentQuantile95(pairs - 1) * Math.sqrt(variance / pairs) };
}

/** What |t| stays below with probability 95%, for Student's t. */
export function studentQuantile95(degrees: number): number {
  return twoSidedQuantile(degrees, 0.05);
}

/** The quantile of the standard normal distribution that 97.5% lie below. */
const NORMAL_QUANTILE = 1.959963984540054;

/**
 * The 95% interval of a share by Wilson's score (Wilson 1927): of `count` draws `successes` had it. It lies within 0 to
 * 1, and is right for few draws and shares near the ends as well.
 */
export function wilsonInterval(successes: number, count: number): { low: number; high: number } {
  if (count <= 0) throw new Error('An interval takes at least one draw');
  const share = successes / count;
  const z2 = NORMAL_QUANTILE ** 2 / count;
  const centre = (share + z2 / 2) / (1 + z2);
  const half = Math.sqrt(z2 * share * (1 - share) + z2 ** 2 / 4) / (1 + z2);
  return {
    low: successes === 0 ? 0 : Math.max(centre - half, 0),
    high: successes === count ? 1 : Math.min(centre + half, 1),
  };
}
