import type { CommandMetric, MetricNames } from '../../recipe/commandRecipe';
import type { Metrics, Reading } from './reading';

export type MetricKey = Exclude<keyof Metrics, 'other'>;

const ACCURACIES: ReadonlySet<MetricKey> = new Set([
  'accuracy',
  'validationAccuracy',
  'validationTop5',
  'averagedAccuracy',
]);

const VALIDATION: readonly MetricKey[] = [
  'validationLoss',
  'validationAccuracy',
  'validationTop5',
  'averagedAccuracy',
];

/** Our names of the metrics that a person can name. */
const KEYS: Readonly<Record<Exclude<CommandMetric, 'step' | 'epoch'>, MetricKey>> = {
  loss: 'loss',
  accuracy: 'accuracy',
  learning_rate: 'learningRate',
  images_per_second: 'imagesPerSecond',
  validation_loss: 'validationLoss',
  validation_accuracy: 'validationAccuracy',
  validation_top5: 'validationTop5',
};

/** Returns our name of a metric by its name in an output. A plain object would also know `constructor`. */
export function keysByName(table: Readonly<Record<string, MetricKey>>): (name: string) => MetricKey | null {
  const keys = new Map(Object.entries(table));
  return (name) => keys.get(name) ?? null;
}

/** Rounding in a mean of accuracies can exceed the largest one by this fraction. */
const ROUNDING = 1e-6;

/**
 * Sorts the numbers of an output into metrics.
 *
 * @param numbers names and values as in the output
 * @param keyOf our name of a metric, null if it has none
 * @param percent whether accuracies are in percent. An accuracy that is then not from 0 to 1 keeps its name and value.
 */
export function metricsFrom(
  numbers: Iterable<readonly [name: string, value: number]>,
  keyOf: (name: string) => MetricKey | null,
  percent: boolean,
): Metrics {
  const metrics: Partial<Record<MetricKey, number>> = {};
  const other: (readonly [string, number])[] = [];
  for (const [name, value] of numbers) {
    const key = keyOf(name);
    const ours = key !== null && ACCURACIES.has(key) ? fractionOf(percent ? value / 100 : value) : value;
    // Two names of one metric, such as lr and learning_rate: the first is the metric.
    if (key === null || ours === null || key in metrics) other.push([name, value]);
    else metrics[key] = ours;
  }
  // `fromEntries` also keeps a metric that is called __proto__.
  return other.length === 0 ? metrics : { ...metrics, other: Object.fromEntries(other) };
}

function fractionOf(value: number): number | null {
  if (Number.isNaN(value)) return value;
  return value >= 0 && value <= 1 + ROUNDING ? Math.min(value, 1) : null;
}

/**
 * Returns the reading of a line or row. It is of an epoch if it has no step, or metrics of a validation; otherwise of a
 * step.
 *
 * @param step the step that was done, from 0
 */
export function rowReading(step: number | null, epoch: number | null, metrics: Metrics): Reading {
  if (epoch === null || (step !== null && !hasValidation(metrics)))
    return { kind: 'step', step, epoch, metrics };
  return { kind: 'epoch', epoch, step: step === null ? null : step + 1, metrics };
}

/** Whether any of the metrics is of validation images. */
export function hasValidation(metrics: Metrics): boolean {
  return VALIDATION.some((key) => metrics[key] !== undefined);
}

/** A whole number from 0, such as a step or an epoch; null for any other value. */
export function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/**
 * Parses a number as Python, JavaScript and spreadsheets print it, also `nan`, `inf` and `Infinity`. Null if it is none.
 */
export function numberIn(text: string): number | null {
  const trimmed = text.trim();
  if (/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  if (/^[-+]?nan$/i.test(trimmed)) return Number.NaN;
  const [, sign] = /^([-+]?)inf(?:inity)?$/i.exec(trimmed) ?? [];
  if (sign === undefined) return null;
  return sign === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/**
 * Returns a function that makes a reading of numbers under the names that a person gave. It returns null if none of the
 * named metrics is there.
 */
export function namedReadings({
  names,
  percent,
  firstEpoch,
}: MetricNames): (numbers: ReadonlyMap<string, number>) => Reading | null {
  const keys = new Map(
    Object.entries(KEYS).flatMap(([metric, key]) => {
      const name = names[metric as keyof typeof KEYS];
      return name === undefined ? [] : [[name, key] as const];
    }),
  );
  const keyOf = (name: string) => keys.get(name) ?? null;
  return (numbers) => {
    let isNamed = false;
    const others: [string, number][] = [];
    for (const [name, value] of numbers) {
      if (name === names.step || name === names.epoch) continue;
      isNamed ||= keys.has(name);
      others.push([name, value]);
    }
    const epoch = names.epoch === undefined ? undefined : numbers.get(names.epoch);
    const step = names.step === undefined ? null : countOf(numbers.get(names.step));
    if (!isNamed && step === null && epoch === undefined) return null;
    return rowReading(
      step,
      epoch === undefined ? null : countOf(epoch - firstEpoch),
      metricsFrom(others, keyOf, percent),
    );
  };
}
