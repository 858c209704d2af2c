/** Cost of a level relative to level 0, over rounds that each tried both. */
export interface CostChange {
  /** Median over rounds of (with / without) - 1: 0.03 is 3% more. */
  readonly share: number;
  /** Minimum over the rounds; `high` is the maximum. */
  readonly low: number;
  readonly high: number;
  /** Whether there are enough rounds and all agree on the sign. */
  readonly isClear: boolean;
}

/**
 * If there is no difference, five rounds agree on a sign in 1 of 16 probes. With fewer rounds that is too frequent to
 * mean anything.
 */
const LEAST_ROUNDS = 5;

/** Smaller memory differences are allocator noise. */
export const LEAST_MEMORY_SHARE = 0.01;

/**
 * Computes a cost from with / without ratios, one per round; null without rounds. The range is the spread of the
 * rounds, not a confidence interval: a busy machine widens it.
 */
export function costChange(ratios: readonly number[]): CostChange | null {
  if (ratios.length === 0) return null;
  const sorted = ratios.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle]!;
  const median = sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
  const [low, high] = [sorted[0]! - 1, sorted.at(-1)! - 1];
  return { share: median - 1, low, high, isClear: ratios.length >= LEAST_ROUNDS && (low > 0 || high < 0) };
}
