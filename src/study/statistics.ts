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

/** What |t| stays below with probability 95%, for Student's t of a whole number of degrees of freedom. */
export function studentQuantile95(degrees: number): number {
  // One degree of freedom has the largest, 12.7.
  let low = 0;
  let high = 13;
  while (high - low > 1e-10) {
    const middle = (low + high) / 2;
    if (studentCentral(middle, degrees) < 0.95) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability that |t| is below `t`: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4. */
function studentCentral(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < degrees; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
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
