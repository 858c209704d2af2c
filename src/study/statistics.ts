import { twoSidedQuantile } from './analysis/fit/distributions';

/** Mean of paired differences and its uncertainty. */
export interface PairedMean {
  readonly pairs: number;
  readonly mean: number;
  /** Half-width of the mean's 95% interval by Student's t; null for a single pair, which does not determine one. */
  readonly halfWidth: number | null;
}

/** Returns the mean of at least one difference with its two-sided 95% interval. */
export function pairedMean(differences: readonly number[]): PairedMean {
  const pairs = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / pairs;
  if (pairs < 2) return { pairs, mean, halfWidth: null };
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pairs - 1);
  return { pairs, mean, halfWidth: studentQuantile95(pairs - 1) * Math.sqrt(variance / pairs) };
}

/** Returns the bound that |t| stays below with probability 95%, for Student's t. */
export function studentQuantile95(degrees: number): number {
  return twoSidedQuantile(degrees, 0.05);
}

/** 97.5% quantile of the standard normal distribution. */
const NORMAL_QUANTILE = 1.959963984540054;

/**
 * Returns the 95% Wilson score interval (Wilson 1927) of a share with `successes` out of `count` draws. It stays within
 * 0 to 1, and is also accurate for few draws and for shares near 0 or 1.
 */
export function wilsonInterval(successes: number, count: number): { low: number; high: number } {
  if (count <= 0) throw new Error('An interval takes at least one draw');
  const share = successes / count;
  const z2 = NORMAL_QUANTILE ** 2 / count;
  const center = (share + z2 / 2) / (1 + z2);
  const half = Math.sqrt(z2 * share * (1 - share) + z2 ** 2 / 4) / (1 + z2);
  return {
    low: successes === 0 ? 0 : Math.max(center - half, 0),
    high: successes === count ? 1 : Math.min(center + half, 1),
  };
}
