import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { AttemptFence } from '../protocol/attempts';
import type { RunResult } from '../protocol/events';
import type { Manifest } from '../protocol/manifest';
import type { EpochEvent } from '../protocol/standing';
import { readAllEvents } from '../runs/log';
import { isOwnRun } from '../runs/origin';
import { makeReady, readyAfterCrash } from '../runs/queue';
import { metricsPath, readManifest } from '../runs/store';
import { type RunEnd, startRun } from '../runs/supervisor';
import type { TrainerCommand } from '../runs/trainerCommand';
import { UserError } from '../shared/userError';
import type { RungMetrics } from '../study/search/metric';

export type Arrival =
  /** The run reached the epoch, or its command ended before it. These are its metrics there. */
  | { readonly kind: 'arrived'; readonly metrics: RungMetrics }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The run was paused early, on request. */
  | { readonly kind: 'paused' };

/** How many times a crashed trainer is restarted. */
export const MOST_RETRIES = 3;

/** Progress callbacks of a run. */
export interface TrainingListener {
  /** Called at the end of each epoch. After a crash it repeats the epochs since the checkpoint, which are identical. */
  readonly onEpoch: (event: EpochEvent) => void;
  /** Called when a crashed trainer restarts (retry 1 to 3). */
  readonly onRetry: (count: number) => void;
}

/** How a command reports its epochs. Ours reports each of them once, with all metrics. */
export interface Reporting {
  /** Whether an epoch has all that is needed. The output of a command may complete it later. */
  readonly isReported: (event: EpochEvent) => boolean;
  /** Whether the command resumes after a pause. Otherwise it is stopped. */
  readonly canResume: boolean;
}

const OURS: Reporting = { isReported: () => true, canResume: true };

/**
 * Trains a run from its current state to the end of an epoch, then pauses it. The run can later resume exactly there,
 * because its recipe covers the whole training. If the trainer crashes, it resumes from its checkpoint, up to three
 * times.
 *
 * @param epochs number of epochs from the run's start
 * @param signal pauses the run early
 * @throws UserError if the run cannot be trained from here
 */
export async function trainTo(
  folder: string,
  epochs: number,
  command: TrainerCommand,
  signal: AbortSignal,
  { onEpoch, onRetry }: TrainingListener,
  reporting: Reporting = OURS,
): Promise<Arrival> {
  const known = (await epochsBefore(folder)).get(epochs - 1);
  if (known && reporting.isReported(known)) return { kind: 'arrived', metrics: known };
  const unready = await prepared(folder, signal);
  if (unready) return unready;
  for (let retries = 0; ; retries++) {
    const requeue = retries < MOST_RETRIES ? readyAfterCrash : undefined;
    const once = await trainOnce(folder, epochs, { ...command, requeue }, signal, onEpoch, reporting);
    const { end, last, isPast } = once;
    if (last && reporting.isReported(last)) return { kind: 'arrived', metrics: last };
    // What the command has not reported by now, it does not report.
    const isOver = end.status === 'done' ? last !== null : end.status === 'paused' && !signal.aborted;
    if (isOver && (last || isPast)) return { kind: 'arrived', metrics: last ?? known ?? {} };
    if (end.status !== 'queued') return outcomeOf(end, folder);
    // The run stays queued until the search resumes and prepares it again.
    if (signal.aborted) return { kind: 'paused' };
    onRetry(retries + 1);
  }
}

/**
 * Makes a run ready for its trainer.
 *
 * @returns null, or the end of a run that is not to be trained
 * @throws UserError if the run cannot be trained from here
 */
export async function prepared(folder: string, signal: AbortSignal): Promise<Arrival | null> {
  if (signal.aborted) return { kind: 'paused' };
  const { state } = await ownManifest(folder);
  if (state.status === 'done') return outcomeOf(state, folder);
  const failure = await makeReady(folder, { signal }).catch((error: unknown) => {
    // The pause ended the wait for another process, which is not a fault.
    if (!signal.aborted) throw error;
    return null;
  });
  // Checked last before the start, which listens to the signal from its first moment.
  if (signal.aborted) return { kind: 'paused' };
  if (failure) throw new UserError(failure);
  return null;
}

/**
 * Starts the trainer once. Returns how it ended, the last event of the target epoch, and whether the run was in a later
 * epoch.
 */
async function trainOnce(
  folder: string,
  epochs: number,
  command: TrainerCommand,
  signal: AbortSignal,
  onEpoch: (event: EpochEvent) => void,
  { canResume }: Reporting,
): Promise<{ readonly end: RunEnd; readonly last: EpochEvent | null; readonly isPast: boolean }> {
  const run = startRun(folder, { ...command, pauseAfterEpochs: epochs });
  let last: EpochEvent | null = null;
  let isPast = false;
  const pause = () => void (canResume ? run.pause() : run.stop());
  run.on('events', (batch) => {
    for (const event of batch.events) {
      if (event.type !== 'epoch' && event.type !== 'step') continue;
      isPast ||= event.epoch >= epochs;
      if (event.type !== 'epoch' || event.epoch >= epochs) continue;
      onEpoch(event);
      if (event.epoch === epochs - 1) last = event;
    }
  });
  signal.addEventListener('abort', pause, { once: true });
  try {
    return { end: await run.exited, last, isPast };
  } finally {
    signal.removeEventListener('abort', pause);
  }
}

/** Returns the epochs of a run by number, before it is trained again. Epochs that a resumed run repeated are identical. */
export async function epochsBefore(folder: string): Promise<ReadonlyMap<number, EpochEvent>> {
  const { events } = await readAllEvents(metricsPath(folder));
  const fence = new AttemptFence();
  const epochs = new Map<number, EpochEvent>();
  for (const event of events) {
    if (fence.accepts(event) && event.type === 'epoch') epochs.set(event.epoch, event);
  }
  return epochs;
}

/**
 * Reads the manifest of a run.
 *
 * @throws UserError if the run came with its folder instead of from this user's search
 */
async function ownManifest(folder: string): Promise<Manifest> {
  const reading = await readManifest(folder);
  if (!reading.ok) {
    throw new UserError({
      what: l10n.t('The run {0} cannot be read. {1}', basename(folder), reading.reason),
      remedy: l10n.t('Start the search over: {0}', 'tricks tune FILE --new'),
    });
  }
  if (await isOwnRun({ folder, manifest: reading.manifest })) return reading.manifest;
  throw new UserError({
    what: l10n.t('You did not create the run {0} here. It came with the folder.', basename(folder)),
    remedy: l10n.t('Start the search over: {0}', 'tricks tune FILE --new'),
  });
}

/** How a run that did not reach its epoch ended. A command may end early by itself: its last metrics count. */
export function outcomeOf(end: RunEnd, folder: string): Arrival {
  switch (end.status) {
    case 'done':
      return { kind: 'arrived', metrics: metricsOf(end.result) };
    case 'failed':
      return { kind: 'failed', reason: end.failure.what };
    case 'paused':
    case 'stopped':
      return { kind: 'paused' };
    case 'interrupted':
    case 'queued':
      return { kind: 'failed', reason: l10n.t('The trainer of {0} exited unexpectedly.', basename(folder)) };
  }
}

function metricsOf({ validationAccuracy, validationLoss, averagedAccuracy }: RunResult): RungMetrics {
  return {
    validationAccuracy: validationAccuracy ?? undefined,
    validationLoss: validationLoss ?? undefined,
    averagedAccuracy,
  };
}
