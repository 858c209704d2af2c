import { eventFold } from '../protocol/fold';
import type { EpochEvent, StepEvent } from '../protocol/standing';
import type { StudyMetric, StudyRunOutcome } from '../protocol/study';
import { isCommandRecipe, recipeFacts } from '../recipe/anyRecipe';
import { readCorrectness, readEvaluation } from '../runs/evaluationFiles';
import { readAllEvents } from '../runs/log';
import { metricsPath, type ReadableEntry } from '../runs/store';
import { lastMetric, metricAtEnd, metricFacts } from './metric';

/** The outcome of one run, for its study. */
export type RunOutcome = StudyRunOutcome['outcome'];

/**
 * Determines a run's outcome from its log and evaluation. A run diverged if its loss is not finite, or if it is no
 * better than always predicting the largest class. A run that has not ended, failed otherwise or did not log the metric
 * is missing.
 *
 * @throws the file system's error if its files cannot be read
 */
export async function readOutcome(
  { folder, manifest }: ReadableEntry,
  metric: StudyMetric,
): Promise<RunOutcome> {
  const { state } = manifest;
  if (state.status === 'failed' && state.failure.kind === 'diverged') return { kind: 'diverged' };
  if (state.status !== 'done') return { kind: 'missing' };
  const fold = eventFold();
  for (const event of (await readAllEvents(metricsPath(folder))).events) fold.take(event);
  if (isCommandRecipe(manifest.recipe)) return commandOutcome(metric, fold);
  const epoch = fold.epochs.at(-1);
  if (!epoch) return { kind: 'missing' };
  const isLost = [epoch.trainLoss, epoch.validationLoss].some(
    (loss) => loss !== undefined && !Number.isFinite(loss),
  );
  const floor = await largestClassShare(folder, recipeFacts(manifest.recipe).classes);
  const { validationAccuracy: accuracy } = epoch;
  if (isLost || (accuracy !== undefined && floor !== null && accuracy <= floor)) return { kind: 'diverged' };
  const value = metricAtEnd(metric, { epoch, steps: fold.steps });
  if (value === null) return { kind: 'missing' };
  if (!Number.isFinite(value)) return { kind: 'diverged' };
  const correct = await correctnessOf(folder, metric, epoch);
  return { kind: 'finished', value, correct, loss: epoch.validationLoss ?? null };
}

/** Returns the outcome of a complete run of a command, whose correctness per image is not known. */
function commandOutcome(
  metric: StudyMetric,
  { epochs, steps }: { readonly epochs: readonly EpochEvent[]; readonly steps: readonly StepEvent[] },
): RunOutcome {
  const losses = epochs.at(-1) ? lossesOf(epochs.at(-1)) : [steps.at(-1)?.loss];
  if (losses.some((loss) => loss !== undefined && !Number.isFinite(loss))) return { kind: 'diverged' };
  const value = lastMetric(metric, { epochs, steps });
  if (value === null) return { kind: 'missing' };
  if (!Number.isFinite(value)) return { kind: 'diverged' };
  const loss = epochs.findLast((epoch) => lossesOf(epoch).some((each) => each !== undefined));
  return {
    ...{ kind: 'finished', value, correct: null },
    loss: lossesOf(loss).find((each) => each !== undefined) ?? steps.at(-1)?.loss ?? null,
    digits: digitsOf(epochs, steps),
  };
}

function lossesOf(epoch: EpochEvent | undefined): (number | undefined)[] {
  return [epoch?.validationLoss, epoch?.trainLoss];
}

/** Returns the losses and accuracies of a log as text, with every digit. */
function digitsOf(epochs: readonly EpochEvent[], steps: readonly StepEvent[]): string {
  const { step, loss, accuracy } = steps.at(-1) ?? {};
  return JSON.stringify([
    // Times and speeds differ between copies.
    ...epochs.map(({ epoch, trainLoss, trainAccuracy, validationLoss, validationAccuracy }) => [
      ...[epoch, trainLoss, trainAccuracy, validationLoss, validationAccuracy],
    ]),
    ...(epochs.length === 0 ? [[step, loss, accuracy]] : []),
  ]);
}

/**
 * Returns the accuracy of always predicting the most frequent class in the validation images. Null if it is unknown.
 */
async function largestClassShare(folder: string, classes: number | null): Promise<number | null> {
  const kept = await readEvaluation(folder, 'last');
  if (!kept || kept.images === 0) return classes === null ? null : 1 / classes;
  return Math.max(...kept.byClass.map(({ support }) => support)) / kept.images;
}

/** Returns which images the run classified correctly at its last epoch, with the weights that the metric refers to. */
async function correctnessOf(
  folder: string,
  metric: StudyMetric,
  epoch: { readonly epoch: number; readonly averagedAccuracy?: number | undefined },
): Promise<Uint8Array | null> {
  if (!metricFacts(metric).isAccuracy) return null;
  const isAveraged = metric === 'averaged_accuracy' && epoch.averagedAccuracy !== undefined;
  const kept = await readCorrectness(folder, isAveraged ? 'averaged' : 'last');
  return kept?.epoch === epoch.epoch ? kept.correct : null;
}
