// @ts-check
/**
 * Returns the value at a share of the sorted values, NaN for an empty list.
 *
 * @param {readonly number[]} values
 * @param {number} share from 0 (smallest) to 1 (largest)
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}
