import hypergeometric from '@stdlib/stats-base-dists-hypergeometric-pmf';
import studentBelow from '@stdlib/stats-base-dists-t-cdf';
import studentQuantile from '@stdlib/stats-base-dists-t-quantile';

/** Fewer degrees of freedom than this give no interval, because its width would be mostly noise. */
export const LEAST_DEGREES = 3;

const quantiles = new Map<string, number>();

/**
 * Returns the quantile that |t| exceeds with probability `level`, for Student's t.
 *
 * @param degrees above 0, integer or fractional
 * @param level above 0 and below 1: 0.05 for a 95% interval
 */
export function twoSidedQuantile(degrees: number, level: number): number {
  // Not cached: Satterthwaite's degrees of freedom are fractional and rarely repeat.
  if (!Number.isInteger(degrees)) return -studentQuantile(level / 2, degrees);
  const key = `${degrees} ${level}`;
  let quantile = quantiles.get(key);
  if (quantile === undefined) {
    quantile = -studentQuantile(level / 2, degrees);
    quantiles.set(key, quantile);
  }
  return quantile;
}

/** Returns the probability that Student's t is below `t`. */
export function studentCdf(t: number, degrees: number): number {
  return studentBelow(t, degrees);
}

/** Returns the p value of a two-sided t test. */
export function twoSidedP(t: number, degrees: number): number {
  return Math.min(2 * studentBelow(-Math.abs(t), degrees), 1);
}

/**
 * Returns the p value of two one-sided tests that an effect is within plus and minus `margin` (TOST, Schuirmann 1987).
 *
 * @param standardError above 0, in the unit of `value` and `margin`
 */
export function equivalenceP(value: number, standardError: number, degrees: number, margin: number): number {
  const above = studentBelow(-(value + margin) / standardError, degrees);
  const below = studentBelow((value - margin) / standardError, degrees);
  return Math.max(above, below);
}

/**
 * Two-sided Fisher's exact test of a 2 by 2 table. Returns the total probability of all tables with the same margins
 * that are no more likely than this one.
 *
 * @param hitsA, sizeA hits and total of the first row; integers
 */
export function fisherP(hitsA: number, sizeA: number, hitsB: number, sizeB: number): number {
  const total = sizeA + sizeB;
  const hits = hitsA + hitsB;
  if (sizeA === 0 || sizeB === 0 || hits === 0 || hits === total) return 1;
  const chance = (x: number) => hypergeometric(x, total, hits, sizeA);
  // Tables exactly as likely as this one count, even if rounding makes their probability slightly different.
  const observed = chance(hitsA) * (1 + 1e-9);
  let p = 0;
  for (let x = Math.max(0, hits - sizeB); x <= Math.min(hits, sizeA); x++) {
    const each = chance(x);
    if (each <= observed) p += each;
  }
  return Math.min(p, 1);
}
