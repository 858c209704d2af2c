/** What a range test says: the smoothed loss over the learning rate, and the base learning rates that it suggests. */
import { SmoothedLoss } from '../recipe/rangeTest';

/** A step of a range test. */
export interface RangeStep {
  readonly learningRate: number;
  /** Of its batch, before its update. */
  readonly loss: number;
}

export interface RangePoint extends RangeStep {
  readonly smoothed: number;
}

/** Why a learning rate cannot be suggested. */
export type NoSuggestion =
  /** The steps are too few to smooth. */
  | 'too_few_steps'
  /** The loss did not fall before it rose. */
  | 'never_fell'
  /** The loss still fell at the highest learning rate, so its minimum was not seen. */
  | 'still_falling';

export type Suggestion =
  | { readonly ok: true; readonly learningRate: number }
  | { readonly ok: false; readonly reason: NoSuggestion };

export interface RangeTestResult {
  readonly points: readonly RangePoint[];
  /** Whether the loss exploded, rather than that the steps came to their end. */
  readonly hasExploded: boolean;
  /** Where the smoothed loss falls fastest over the logarithm of the learning rate (fastai's `steep`). */
  readonly steepest: Suggestion;
  /** One tenth of the learning rate at the minimum of the smoothed loss (fastai's `minimum`). */
  readonly tenthOfMinimum: Suggestion;
}

/** Steps that a slope needs on each side, at least. */
const LEAST_REACH = 2;
const LEAST_STEPS = 10;
/** The share of steps at the start that no suggestion comes from: too few losses are averaged there, as in fastai. */
const SKIPPED = 0.1;
/** The share of the loss by which it has to fall; less is noise of single batches. */
const LEAST_FALL = 0.05;

/**
 * Reads a range test's steps, in their order.
 *
 * @param totalSteps how many were planned: the smoothing depends on them
 */
export function readRangeTest(steps: readonly RangeStep[], totalSteps: number): RangeTestResult {
  const loss = new SmoothedLoss(totalSteps);
  const points = steps.map((step) => ({ ...step, smoothed: loss.take(step.loss) }));
  const hasExploded = loss.hasExploded || steps.length < totalSteps;
  const neither = (reason: NoSuggestion): RangeTestResult => ({
    ...{ points, hasExploded },
    ...{ steepest: { ok: false, reason }, tenthOfMinimum: { ok: false, reason } },
  });
  const first = Math.floor(totalSteps * SKIPPED);
  if (points.length - first < LEAST_STEPS) return neither('too_few_steps');
  const lowest = indexOfLeast(points, first, points.length, ({ smoothed }) => smoothed);
  const start = points[first]!.smoothed;
  if (points[lowest]!.smoothed > start * (1 - LEAST_FALL)) return neither('never_fell');
  // A slope is a straight line's through the points around, since that of two neighbours is noise.
  const reach = Math.max(LEAST_REACH, Math.round(totalSteps / 40));
  const slopeAt = (_: RangePoint, index: number) =>
    slope(points.slice(Math.max(index - reach, first), Math.min(index + reach, lowest) + 1));
  const steepest = indexOfLeast(points, first + 1, lowest, slopeAt);
  const isMinimumSeen = hasExploded || lowest < points.length - 1 - reach;
  return {
    points,
    hasExploded,
    steepest: { ok: true, learningRate: points[steepest]!.learningRate },
    tenthOfMinimum: isMinimumSeen
      ? { ok: true, learningRate: points[lowest]!.learningRate / 10 }
      : { ok: false, reason: 'still_falling' },
  };
}

/** The index in [from, to) of the least value, the first of equals; `from` where there is none. */
function indexOfLeast(
  points: readonly RangePoint[],
  from: number,
  to: number,
  valueOf: (point: RangePoint, index: number) => number,
): number {
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  for (let index = from; index < to; index++) {
    const value = valueOf(points[index]!, index);
    if (value >= least) continue;
    best = index;
    least = value;
  }
  return best;
}

/** Of the smoothed loss over the logarithm of the learning rate, by least squares. */
function slope(points: readonly RangePoint[]): number {
  const x = points.map(({ learningRate }) => Math.log(learningRate));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(x);
  const meanY = mean(points.map(({ smoothed }) => smoothed));
  let products = 0;
  let squares = 0;
  for (const [index, { smoothed }] of points.entries()) {
    products += (x[index]! - meanX) * (smoothed - meanY);
    squares += (x[index]! - meanX) ** 2;
  }
  return products / squares;
}
