/** What a level costs against level 0, over rounds that each tried both. */
export interface CostChange {
  /** The median over rounds of with over without, less 1: 0.03 is 3% more. */
  readonly share: number;
  /** Of the rounds the least and the most. */
  readonly low: number;
  readonly high: number;
  /** Whether all rounds agree on its sign, and there are enough of them. */
  readonly isClear: boolean;
}

/** Where nothing differs, five rounds agree on a sign in 1 of 16 probes; fewer do too often to say anything. */
const LEAST_ROUNDS = 5;

/** A smaller difference of memory is the allocator's. */
export const LEAST_MEMORY_SHARE = 0.01;

/**
 * A cost from its ratios with over without, one a round; null of none. The range is that of the rounds, not an interval: a
 * busy machine widens it.
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
