import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import { AttemptFence } from '../protocol/attempts';
import type { RunEvent } from '../protocol/events';
import type { EpochEvent } from '../protocol/standing';
import { readAllEvents } from '../runs/log';
import { isOwnRun } from '../runs/origin';
import { makeReady, readyAfterCrash } from '../runs/queue';
import { metricsPath, readManifest } from '../runs/store';
import { type RunEnd, startRun } from '../runs/supervisor';
import type { TrainerCommand } from '../runs/trainerCommand';
import { UserError } from '../shared/userError';

export type Arrival =
  /** The run reached the epoch. `epoch` is the last one. */
  | { readonly kind: 'arrived'; readonly epoch: EpochEvent }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The run was paused early, on request. */
  | { readonly kind: 'paused' };

/** How many times a crashed trainer is restarted. */
const MOST_RETRIES = 3;

/** Progress callbacks of a run. */
export interface TrainingListener {
  /** Called at the end of each epoch. After a crash it repeats the epochs since the checkpoint, which are identical. */
  readonly onEpoch: (event: EpochEvent) => void;
  /** Called when a crashed trainer restarts (retry 1 to 3). */
  readonly onRetry: (count: number) => void;
}

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
): Promise<Arrival> {
  const { events } = await readAllEvents(metricsPath(folder));
  const known = epochsOf(events).get(epochs - 1);
  if (known) return { kind: 'arrived', epoch: known };
  if (signal.aborted) return { kind: 'paused' };
  await assertOwn(folder);
  const failure = await makeReady(folder, { signal }).catch((error: unknown) => {
    // The pause ended the wait for another process, which is not a fault.
    if (!signal.aborted) throw error;
    return null;
  });
  // Checked last before the start, which listens to the signal from its first moment.
  if (signal.aborted) return { kind: 'paused' };
  if (failure) throw new UserError(failure);
  for (let retries = 0; ; retries++) {
    const requeue = retries < MOST_RETRIES ? readyAfterCrash : undefined;
    const { end, last } = await trainOnce(folder, epochs, { ...command, requeue }, signal, onEpoch);
    if (last) return { kind: 'arrived', epoch: last };
    if (end.status !== 'queued') return outcomeOf(end, folder);
    // The run stays queued until the search resumes and prepares it again.
    if (signal.aborted) return { kind: 'paused' };
    onRetry(retries + 1);
  }
}

/** Starts the trainer once. Returns how it ended and the event of the target epoch. */
async function trainOnce(
  folder: string,
  epochs: number,
  command: TrainerCommand,
  signal: AbortSignal,
  onEpoch: (event: EpochEvent) => void,
): Promise<{ readonly end: RunEnd; readonly last: EpochEvent | null }> {
  const run = startRun(folder, { ...command, pauseAfterEpochs: epochs });
  let last: EpochEvent | null = null;
  const pause = () => void run.pause();
  run.on('events', (batch) => {
    for (const event of batch.events) {
      if (event.type !== 'epoch' || event.epoch >= epochs) continue;
      onEpoch(event);
      if (event.epoch === epochs - 1) last = event;
    }
  });
  signal.addEventListener('abort', pause, { once: true });
  try {
    return { end: await run.exited, last };
  } finally {
    signal.removeEventListener('abort', pause);
  }
}

/** Returns a log's epochs by number. Epochs that a resumed run repeated are identical. */
function epochsOf(events: readonly RunEvent[]): ReadonlyMap<number, EpochEvent> {
  const fence = new AttemptFence();
  const epochs = new Map<number, EpochEvent>();
  for (const event of events) {
    if (fence.accepts(event) && event.type === 'epoch') epochs.set(event.epoch, event);
  }
  return epochs;
}

/** @throws UserError if the run came with its folder instead of from this user's search */
async function assertOwn(folder: string): Promise<void> {
  const reading = await readManifest(folder);
  if (!reading.ok) {
    throw new UserError({
      what: l10n.t('The run {0} cannot be read. {1}', basename(folder), reading.reason),
      remedy: l10n.t('Start the search over: {0}', 'tricks tune FILE --new'),
    });
  }
  if (await isOwnRun({ folder, manifest: reading.manifest })) return;
  throw new UserError({
    what: l10n.t('You did not create the run {0} here. It came with the folder.', basename(folder)),
    remedy: l10n.t('Start the search over: {0}', 'tricks tune FILE --new'),
  });
}

function outcomeOf(end: RunEnd, folder: string): Arrival {
  switch (end.status) {
    case 'failed':
      return { kind: 'failed', reason: end.failure.what };
    case 'paused':
    case 'stopped':
      return { kind: 'paused' };
    case 'done':
    case 'interrupted':
    case 'queued':
      return { kind: 'failed', reason: l10n.t('The trainer of {0} exited unexpectedly.', basename(folder)) };
  }
}
