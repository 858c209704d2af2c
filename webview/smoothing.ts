/**
 * Exponential moving average with its start corrected, so that the first values are means of what has been
 * seen and not pulled towards zero (the correction of Kingma and Ba 2015, section 3).
 */
export class ExponentialAverage {
  private sum = 0;
  private weightOfSum = 0;

  /** @param keep share of the average kept at each value, from 0 (no smoothing) to below 1 */
  constructor(private readonly keep: number) {}

  /**
   * The average with `value` taken in, as often as it stands for; a value that is not finite leaves it as it is.
   */
  add(value: number, times = 1): number {
    if (Number.isFinite(value)) {
      const keep = this.keep ** times;
      this.sum = keep * this.sum + (1 - keep) * value;
      this.weightOfSum = keep * this.weightOfSum + (1 - keep);
    }
    return this.weightOfSum === 0 ? Number.NaN : this.sum / this.weightOfSum;
  }
}

/**
 * The share to keep for a training of `totalSteps`: the average reaches back over a hundredth of the training,
 * and over 10 to 1000 steps.
 */
export function smoothingFor(totalSteps: number): number {
  const steps = Math.min(1000, Math.max(10, totalSteps / 100));
  return Math.exp(-1 / steps);
}
