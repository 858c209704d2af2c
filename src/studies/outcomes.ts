import { eventFold } from '../protocol/fold';
import type { StudyMetric, StudyRunOutcome } from '../protocol/study';
import { readCorrectness, readEvaluation } from '../runs/evaluationFiles';
import { readAllEvents } from '../runs/log';
import { metricsPath, type ReadableEntry } from '../runs/store';
import { metricAtEnd, metricFacts } from './metric';

/** What came of one run, for its study. */
export type RunOutcome = StudyRunOutcome['outcome'];

/**
 * What came of a run by its log and its evaluation. It diverged where its loss is not finite, or where it answers no better
 * than always naming the largest class. A run that has not ended, failed otherwise or did not log the metric is missing.
 *
 * @throws the file system's error where its files cannot be read
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
  const epoch = fold.epochs.at(-1);
  if (!epoch) return { kind: 'missing' };
  const isLost = !Number.isFinite(epoch.trainLoss) || !Number.isFinite(epoch.validationLoss);
  const floor = await largestClassShare(folder, manifest.recipe.data.dataset.classes);
  if (isLost || epoch.validationAccuracy <= floor) return { kind: 'diverged' };
  const value = metricAtEnd(metric, { epoch, steps: fold.steps });
  if (value === null) return { kind: 'missing' };
  if (!Number.isFinite(value)) return { kind: 'diverged' };
  const correct = await correctnessOf(folder, metric, epoch);
  return { kind: 'finished', value, correct, loss: epoch.validationLoss };
}

/** The accuracy of always naming the class that most validation images are of. */
async function largestClassShare(folder: string, classes: number): Promise<number> {
  const kept = await readEvaluation(folder, 'last');
  if (!kept || kept.images === 0) return 1 / classes;
  return Math.max(...kept.byClass.map(({ support }) => support)) / kept.images;
}

/** Which images the run answered right at its last epoch, by the weights that the metric is of. */
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
