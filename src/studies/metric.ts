import type { EpochEvent, StepEvent } from '../protocol/standing';
import type { StudyMetric } from '../protocol/study';
import { isInPoints } from '../study/file/metrics';

/** A study's metric and its properties. */
export interface MetricFacts {
  readonly name: StudyMetric;
  readonly higherIsBetter: boolean;
  /** Whether it is a share of correctly classified validation images. Runs store this correctness per image. */
  readonly isAccuracy: boolean;
}

/** Returns a metric's properties by its name. */
export function metricFacts(name: StudyMetric): MetricFacts {
  const isLow = /loss|error|seconds|wait/.test(name);
  const isAccuracy = name === 'validation_accuracy' || name === 'averaged_accuracy';
  return { name, higherIsBetter: !isLow, isAccuracy };
}

/** A run's log at its end. */
export interface LoggedEnd {
  /** The last epoch. */
  readonly epoch: EpochEvent;
  /** All steps. */
  readonly steps: readonly StepEvent[];
}

/**
 * Returns a run's metric at the last epoch, never the best of several epochs. Accuracies and F1 are in percentage
 * points, everything else in its logged unit.
 *
 * @returns null if the run did not log it
 */
export function metricAtEnd(name: StudyMetric, { epoch, steps }: LoggedEnd): number | null {
  if (name === 'images_per_second') {
    return median(steps.flatMap(({ imagesPerSecond }) => imagesPerSecond ?? []));
  }
  // Without weight averaging, use the plain weights' accuracy.
  if (name === 'averaged_accuracy') {
    const accuracy = epoch.averagedAccuracy ?? epoch.validationAccuracy;
    return accuracy === undefined ? null : 100 * accuracy;
  }
  const key = camelCase(name);
  const step = steps.at(-1) ?? {};
  const logged = numberIn(epoch, key) ?? numberIn(step, key) ?? otherIn(epoch, name) ?? otherIn(step, name);
  if (logged === null) return null;
  return isInPoints(name) ? 100 * logged : logged;
}

/**
 * Returns a command's metric where its log has it last, because it may validate after some epochs only, or count in
 * steps. In the unit of `metricAtEnd`.
 */
export function lastMetric(
  name: StudyMetric,
  { epochs, steps }: { readonly epochs: readonly EpochEvent[]; readonly steps: readonly StepEvent[] },
): number | null {
  if (name === 'images_per_second') {
    return median(steps.flatMap(({ imagesPerSecond }) => imagesPerSecond ?? []));
  }
  for (const epoch of epochs.toReversed()) {
    const value = metricAtEnd(name, { epoch, steps: [] });
    if (value !== null) return value;
  }
  for (const step of steps.toReversed()) {
    const logged = numberIn(step, camelCase(name)) ?? otherIn(step, name);
    if (logged !== null) return isInPoints(name) ? 100 * logged : logged;
  }
  return null;
}

function numberIn(event: object, key: string): number | null {
  const value: unknown = Object.entries(event).find(([each]) => each === key)?.[1];
  return typeof value === 'number' ? value : null;
}

/** Returns a number that a command logged under a name of its own. */
function otherIn(event: { readonly other?: Readonly<Record<string, number>> | undefined }, name: string) {
  return event.other && Object.hasOwn(event.other, name) ? (event.other[name] ?? null) : null;
}

/** Converts `macro_f1` to `macroF1`, the form in events. */
function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Null for an empty array. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
