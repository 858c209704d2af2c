/** A value at a step. */
interface StepValue {
  readonly x: number;
  readonly y: number;
}

/**
 * Computes an exponential moving average over both sides of each step. It is divided by the sum of the weights, so that
 * the ends are not biased towards zero (the correction of Kingma and Ba 2015, section 3). An average of only past
 * values would stay above a falling loss.
 *
 * A value represents the steps since the previous one, because some steps may be missing. Values that are not finite
 * are ignored. If all are, the average is NaN.
 *
 * @param points in ascending order of steps
 * @param keep factor by which a weight decays per step of distance, from 0 (no smoothing) to below 1
 */
export function smoothed(points: readonly StepValue[], keep: number): StepValue[] {
  const left = points.map(
    ({ x }, index) => keep ** (index === 0 ? 1 : Math.max(1, x - points[index - 1]!.x)),
  );
  const averages: StepValue[] = new Array(points.length);
  const sums = new Float64Array(points.length);
  const weights = new Float64Array(points.length);
  let [sum, weight] = [0, 0];
  for (const [index, { y }] of points.entries()) {
    const kept = left[index]!;
    const own = Number.isFinite(y) ? 1 - kept : 0;
    sums[index] = sum = kept * sum + (own && own * y);
    weights[index] = weight = kept * weight + own;
  }
  [sum, weight] = [0, 0];
  for (let index = points.length - 1; index >= 0; index--) {
    const { x, y } = points[index]!;
    averages[index] = { x, y: (sums[index]! + sum) / (weights[index]! + weight) };
    const kept = left[index]!;
    const own = Number.isFinite(y) ? keep * (1 - kept) : 0;
    sum = kept * sum + (own && own * y);
    weight = kept * weight + own;
  }
  return averages;
}

/**
 * Returns the decay for a training of `totalSteps`. The average covers one hundredth of the training, half of it on
 * each side, with 4 to 500 steps per side.
 */
export function smoothingFor(totalSteps: number): number {
  const steps = Math.min(500, Math.max(4, totalSteps / 200));
  return Math.exp(-1 / steps);
}
