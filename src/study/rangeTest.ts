/** What a range test says: the smoothed loss over the learning rate, and the base learning rates that it suggests. */
import * as l10n from '@vscode/l10n';
import type { RunEvent } from '../protocol/events';
import { SmoothedLoss } from '../recipe/rangeTest';
import type { Recipe } from '../recipe/recipe';
import { assertNever } from '../shared/assertNever';

/** A step of a range test. */
export interface RangeStep {
  /** As a person writes `optimizer.base_lr`, before scaling. */
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
 * Times its minimum so far at which the descent is over. Networks with batch norm may fall and rise again at rates that are
 * far too high, and that is no minimum to train at.
 */
const RISEN = 1.25;

/**
 * What the log of a range test's run says.
 *
 * @param recipe that of the run
 * @param to the highest base learning rate, to which the recipe's peak belongs
 */
export function rangeTestOf(events: readonly RunEvent[], recipe: Recipe, to: number): RangeTestResult {
  const { peakLearningRate, totalSteps } = recipe.schedule;
  // A trainer that crashed is started again, and trains from the first step.
  const last = events.slice(events.findLastIndex(({ type }) => type === 'started') + 1);
  const steps = last.flatMap((event) =>
    event.type === 'step'
      ? [{ learningRate: (event.learningRate * to) / peakLearningRate, loss: event.loss }]
      : [],
  );
  return readRangeTest(steps, totalSteps);
}

/** Why there is no suggestion, with what to do. */
export function noSuggestionText(reason: NoSuggestion): string {
  switch (reason) {
    case 'too_few_steps':
      return l10n.t('It ended after too few steps. Begin at a lower learning rate.');
    case 'never_fell':
      return l10n.t(
        'The loss did not fall at any learning rate. Take more steps, begin lower, or check the data and the model.',
      );
    case 'still_falling':
      return l10n.t('The loss still fell at the highest learning rate. Go up to a higher one.');
    default:
      return assertNever(reason);
  }
}

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
  const risen = firstRise(points, first);
  const lowest = indexOfLeast(points, first, risen, ({ smoothed }) => smoothed);
  const start = points[first]!.smoothed;
  if (points[lowest]!.smoothed > start * (1 - LEAST_FALL)) return neither('never_fell');
  // A slope is a straight line's through a tenth of the points, since that of two neighbours is noise.
  const reach = Math.max(LEAST_REACH, Math.round(totalSteps / 20));
  const slopeAt = (_: RangePoint, index: number) =>
    slope(points.slice(Math.max(index - reach, first), index + reach + 1));
  const steepest = indexOfLeast(points, first + 1, lowest, slopeAt);
  const isMinimumSeen = hasExploded || risen < points.length || lowest < points.length - 1 - reach;
  return {
    points,
    hasExploded,
    steepest: { ok: true, learningRate: points[steepest]!.learningRate },
    tenthOfMinimum: isMinimumSeen
      ? { ok: true, learningRate: points[lowest]!.learningRate / 10 }
      : { ok: false, reason: 'still_falling' },
  };
}

/** The first index from `from` where the smoothed loss has risen well above its minimum so far; the length where none. */
function firstRise(points: readonly RangePoint[], from: number): number {
  let minimum = Number.POSITIVE_INFINITY;
  for (let index = from; index < points.length; index++) {
    const { smoothed } = points[index]!;
    minimum = Math.min(minimum, smoothed);
    if (smoothed > minimum * RISEN) return index;
  }
  return points.length;
}

/** The index in [from, to) of the least value, the first of equals; `from` where there is none. */
function indexOfLeast(
  points: readonly RangePoint[],
  from: number,
  to: number,
  numberOf: (point: RangePoint, index: number) => number,
): number {
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  for (let index = from; index < to; index++) {
    const value = numberOf(points[index]!, index);
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

/** What a range test's run is called. */
export function rangeTestName(experiment: string): string {
  return l10n.t('{0} (range test)', experiment);
}
