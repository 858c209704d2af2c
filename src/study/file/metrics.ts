import { runEventSchema } from '../../protocol/events';
import type { StudyMetric } from '../../protocol/study';

/** The metrics that have a meaning of their own, in the order in which people are shown them. */
export const NAMED_METRICS = [
  'validation_accuracy',
  'averaged_accuracy',
  'validation_loss',
  'macro_f1',
  'balanced_accuracy',
  'images_per_second',
] as const satisfies readonly StudyMetric[];

/** Accuracies and their like: logged as shares, told in points of a percent. */
const SHARES: readonly string[] = [
  ...['validation_accuracy', 'averaged_accuracy', 'macro_f1', 'balanced_accuracy'],
  ...['train_accuracy', 'validation_top5'],
];

/** The numbers of an epoch's event that are no result. */
const BOOKKEEPING = ['type', 'time', 'attempt', 'epoch', 'step'];

/** The names under which our trainer logs numbers at the end of an epoch. */
const LOGGED: readonly string[] = (() => {
  const epoch = runEventSchema.options.find(({ shape }) => shape.type.value === 'epoch');
  return Object.keys(epoch?.shape ?? {})
    .filter((name) => !BOOKKEEPING.includes(name))
    .map(inSnakeCase);
})();

/** Every metric that a study can have, the named ones first. */
export const METRICS: readonly string[] = [...new Set([...NAMED_METRICS, ...LOGGED])];

/** A metric's name in snake case, whether it is written so or as it is logged, such as `trainLoss`. */
export function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace('f_1', 'f1');
}

/** Whether a metric is a share that is told in points of a percent. */
export function isInPoints(metric: StudyMetric): boolean {
  return SHARES.includes(metric);
}

/** The effect that matters at least, where a file does not say: 0.2 points of accuracy; null for other metrics. */
export function defaultSmallestEffect(metric: StudyMetric): number | null {
  return isInPoints(metric) ? 0.2 : null;
}
