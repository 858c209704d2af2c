import { runEventSchema } from '../../protocol/events';
import type { StudyMetric } from '../../protocol/study';

/** Metrics with a dedicated meaning, in display order. */
export const NAMED_METRICS = [
  'validation_accuracy',
  'averaged_accuracy',
  'validation_loss',
  'macro_f1',
  'balanced_accuracy',
  'images_per_second',
] as const satisfies readonly StudyMetric[];

/** Accuracies and similar metrics: logged as shares, displayed in percentage points. */
const SHARES: readonly string[] = [
  ...['validation_accuracy', 'averaged_accuracy', 'macro_f1', 'balanced_accuracy'],
  ...['train_accuracy', 'validation_top5'],
];

/** Numbers in an epoch event that are not results. */
const BOOKKEEPING = ['type', 'time', 'attempt', 'epoch', 'step'];

/** Names of the numbers that the trainer logs at the end of an epoch. */
const LOGGED: readonly string[] = (() => {
  const epoch = runEventSchema.options.find(({ shape }) => shape.type.value === 'epoch');
  return Object.keys(epoch?.shape ?? {})
    .filter((name) => !BOOKKEEPING.includes(name))
    .map(inSnakeCase);
})();

/** Every metric that a study can have, named ones first. */
export const METRICS: readonly string[] = [...new Set([...NAMED_METRICS, ...LOGGED])];

/** Converts a metric's name to snake case, from that form or from its logged form such as `trainLoss`. */
export function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace('f_1', 'f1');
}

/** Whether a metric is a share displayed in percentage points. */
export function isInPoints(metric: StudyMetric): boolean {
  return SHARES.includes(metric);
}

/** Returns the default smallest effect of interest: 0.2 percentage points of accuracy; null for other metrics. */
export function defaultSmallestEffect(metric: StudyMetric): number | null {
  return isInPoints(metric) ? 0.2 : null;
}
