/** Result of a range test: the smoothed loss over the learning rate, and the suggested base learning rates. */
import * as l10n from '@vscode/l10n';
import type { RunEvent } from '../protocol/events';
import { SmoothedLoss } from '../recipe/rangeTest';
import type { Recipe } from '../recipe/recipe';
import { assertNever } from '../shared/assertNever';
import type { Failure } from '../shared/failure';

/** A step of a range test. */
export interface RangeStep {
  /** In the units of `optimizer.base_lr`, before scaling. */
  readonly learningRate: number;
  /** Loss of its batch, before the update. */
  readonly loss: number;
}

export interface RangePoint extends RangeStep {
  readonly smoothed: number;
}

/** Why no learning rate can be suggested. */
export type NoSuggestion =
  /** There are too few steps to smooth. */
  | 'too_few_steps'
  /** The loss did not fall before it rose. */
  | 'never_fell'
  /** The loss was still falling at the highest learning rate, so its minimum is unknown. */
  | 'still_falling';

export type Suggestion =
  | { readonly ok: true; readonly learningRate: number }
  | { readonly ok: false; readonly reason: NoSuggestion };

export interface RangeTestResult {
  readonly points: readonly RangePoint[];
  /** Whether the loss exploded, instead of all steps completing. */
  readonly hasExploded: boolean;
  /** Where the smoothed loss falls fastest over the log of the learning rate (fastai's `steep`). */
  readonly steepest: Suggestion;
  /** One tenth of the learning rate at the minimum of the smoothed loss (fastai's `minimum`). */
  readonly tenthOfMinimum: Suggestion;
}

/** Minimum number of steps on each side of a slope. */
const LEAST_REACH = 2;
const LEAST_STEPS = 10;
/** Share of steps at the start that give no suggestion, because too few losses are averaged there. As in fastai. */
const SKIPPED = 0.1;
/** Minimum relative fall of the loss. Less is noise of single batches. */
const LEAST_FALL = 0.05;
/**
 * The descent ends when the loss exceeds its minimum so far by this factor. Networks with batch norm may fall and rise
 * again at learning rates that are far too high. That is not a minimum to train at.
 */
const RISEN = 1.25;

/**
 * Returns the result of a range test from its run's log.
 *
 * @param recipe the run's recipe
 * @param to the highest base learning rate, which corresponds to the recipe's peak
 */
export function rangeTestOf(events: readonly RunEvent[], recipe: Recipe, to: number): RangeTestResult {
  const { peakLearningRate, totalSteps } = recipe.schedule;
  // A crashed trainer restarts from the first step, so only the last attempt counts.
  const last = events.slice(events.findLastIndex(({ type }) => type === 'started') + 1);
  const steps = last.flatMap((event) =>
    event.type === 'step' && event.learningRate !== undefined && event.loss !== undefined
      ? [{ learningRate: (event.learningRate * to) / peakLearningRate, loss: event.loss }]
      : [],
  );
  return readRangeTest(steps, totalSteps);
}

/** Explains why there is no suggestion, and what to do. */
export function noSuggestionText(reason: NoSuggestion): string {
  switch (reason) {
    case 'too_few_steps':
      return l10n.t('The range test ended after too few steps. Start at a lower learning rate.');
    case 'never_fell':
      return l10n.t(
        'The loss did not fall at any learning rate. Use more steps, start lower, or check the data and the model.',
      );
    case 'still_falling':
      return l10n.t(
        'The loss was still falling at the highest learning rate. Raise the highest learning rate.',
      );
    default:
      return assertNever(reason);
  }
}

/**
 * Analyzes a range test's steps, in order.
 *
 * @param totalSteps number of planned steps, which the smoothing depends on
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
  // Fits a line through a tenth of the points, because the slope between two neighbors is noise.
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

/**
 * Returns the first index from `from` where the smoothed loss is well above its minimum so far; the length if there is
 * none.
 */
function firstRise(points: readonly RangePoint[], from: number): number {
  let minimum = Number.POSITIVE_INFINITY;
  for (let index = from; index < points.length; index++) {
    const { smoothed } = points[index]!;
    minimum = Math.min(minimum, smoothed);
    if (smoothed > minimum * RISEN) return index;
  }
  return points.length;
}

/** Returns the index of the minimum in [from, to); ties go to the first. `from` if there is none. */
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

/** Least-squares slope of the smoothed loss over the log of the learning rate. */
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

/** Returns the name of a range test's run. */
export function rangeTestName(experiment: string): string {
  return l10n.t('{0} (range test)', experiment);
}

/** The failure of a range test of an experiment that a command trains. */
export function commandRangeTestFailure(experiment: string): Failure {
  return {
    what: l10n.t('{0} trains by a command, whose learning rate cannot be raised step by step.', experiment),
    remedy: l10n.t(
      'Search for a good one with {0}: write {1} in the command, {2} under trainer, and search over {3}.',
      ...(['tricks tune', `\${lr}`, 'values: { lr: 0.1 }', 'trainer.values.lr'] as const),
    ),
  };
}
