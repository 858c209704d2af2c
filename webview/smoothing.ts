/**
 * An exponential moving average with its start corrected, so that the first values are means of what has been
 * seen and not pulled towards zero (the correction of Kingma and Ba 2015, section 3).
 */
export interface Average {
  readonly sum: number;
  readonly weightOfSum: number;
}

export const NO_AVERAGE: Average = { sum: 0, weightOfSum: 0 };

/**
 * The average with `value` taken in; a value that is not finite leaves it as it is.
 *
 * @param keep share of the average kept, from 0 (no smoothing) to below 1; its nth power where the value stands for n
 */
export function averageAfter(average: Average, value: number, keep: number): Average {
  if (!Number.isFinite(value)) return average;
  return {
    sum: keep * average.sum + (1 - keep) * value,
    weightOfSum: keep * average.weightOfSum + (1 - keep),
  };
}

/** NaN for an average of nothing. */
export function valueOfAverage({ sum, weightOfSum }: Average): number {
  return weightOfSum === 0 ? Number.NaN : sum / weightOfSum;
}

/**
 * The share to keep for a training of `totalSteps`: the average reaches back over a hundredth of the training,
 * and over 10 to 1000 steps.
 */
export function smoothingFor(totalSteps: number): number {
  const steps = Math.min(1000, Math.max(10, totalSteps / 100));
  return Math.exp(-1 / steps);
}
