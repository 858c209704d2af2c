import type { EpochEvent, StepEvent } from '../protocol/standing';
import type { StudyMetric } from '../protocol/study';
import { isInPoints } from '../study/file/metrics';

/** What a study measures, and what is known of it. */
export interface MetricFacts {
  readonly name: StudyMetric;
  readonly higherIsBetter: boolean;
  /** Whether it is the share of validation images that are answered right, which a run keeps for each image. */
  readonly isAccuracy: boolean;
}

/** What is known of a metric by its name. */
export function metricFacts(name: StudyMetric): MetricFacts {
  const isLow = /loss|error|seconds|wait/.test(name);
  const isAccuracy = name === 'validation_accuracy' || name === 'averaged_accuracy';
  return { name, higherIsBetter: !isLow, isAccuracy };
}

/** What a run has logged at its end. */
export interface LoggedEnd {
  /** Its last epoch. */
  readonly epoch: EpochEvent;
  /** All its steps. */
  readonly steps: readonly StepEvent[];
}

/**
 * A run's metric at the last epoch, never the best of several epochs, in its unit: accuracies and F1 in points of
 * a percent, all else as it is logged.
 *
 * @returns null where the run logged nothing of that name
 */
export function metricAtEnd(name: StudyMetric, { epoch, steps }: LoggedEnd): number | null {
  if (name === 'images_per_second') return median(steps.map(({ imagesPerSecond }) => imagesPerSecond));
  // Without an average of the weights, the plain ones are what one would use.
  if (name === 'averaged_accuracy') return 100 * (epoch.averagedAccuracy ?? epoch.validationAccuracy);
  const key = camelCase(name);
  const logged = numberIn(epoch, key) ?? numberIn(steps.at(-1) ?? {}, key);
  if (logged === null) return null;
  return isInPoints(name) ? 100 * logged : logged;
}

function numberIn(event: object, key: string): number | null {
  const value: unknown = Object.entries(event).find(([each]) => each === key)?.[1];
  return typeof value === 'number' ? value : null;
}

/** `macro_f1` becomes `macroF1`, as events have it. */
function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Null of nothing. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
