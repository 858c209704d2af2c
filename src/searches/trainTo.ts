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
  /** The run has trained so many epochs; the last of them. */
  | { readonly kind: 'arrived'; readonly epoch: EpochEvent }
  | { readonly kind: 'failed'; readonly reason: string }
  /** It was paused before, as asked for. */
  | { readonly kind: 'paused' };

/** A trainer that crashed is started again so often. */
const MOST_RETRIES = 3;

/** What is told of a run as it trains. */
export interface TrainingListener {
  /** Of each epoch as it ends; after a crash again of those since the checkpoint, which are the same. */
  readonly onEpoch: (event: EpochEvent) => void;
  /** The trainer crashed and is started again, for the first to the third time. */
  readonly onRetry: (count: number) => void;
}

/**
 * Trains a run up to the end of an epoch, from where it is, and pauses it there: it goes on from there exactly, since its
 * recipe is for the whole training. Where the trainer crashes it goes on from its checkpoint, up to three times.
 *
 * @param epochs how many epochs from the run's start
 * @param signal pauses the run before
 * @throws UserError where the run cannot be trained from here
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
  const failure = await makeReady(folder, { signal });
  if (failure) throw new UserError(failure);
  for (let retries = 0; ; retries++) {
    const requeue = retries < MOST_RETRIES ? readyAfterCrash : undefined;
    const { end, last } = await trainOnce(folder, epochs, { ...command, requeue }, signal, onEpoch);
    if (last) return { kind: 'arrived', epoch: last };
    if (end.status !== 'queued') return outcomeOf(end, folder);
    // It waits, and is made ready again when the search goes on.
    if (signal.aborted) return { kind: 'paused' };
    onRetry(retries + 1);
  }
}

/** Starts the trainer once, and says how it ended and what the epoch to train to came to. */
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

/** The epochs of a log by their number; what a resumed run did again is the same. */
function epochsOf(events: readonly RunEvent[]): ReadonlyMap<number, EpochEvent> {
  const fence = new AttemptFence();
  const epochs = new Map<number, EpochEvent>();
  for (const event of events) {
    if (fence.accepts(event) && event.type === 'epoch') epochs.set(event.epoch, event);
  }
  return epochs;
}

/** @throws UserError where the run came with its folder, rather than from this user's search */
async function assertOwn(folder: string): Promise<void> {
  const reading = await readManifest(folder);
  if (!reading.ok) {
    throw new UserError({
      what: l10n.t('The run {0} cannot be read. {1}', basename(folder), reading.reason),
      remedy: l10n.t('Begin the search anew: {0}', 'tricks tune FILE --new'),
    });
  }
  if (await isOwnRun({ folder, manifest: reading.manifest })) return;
  throw new UserError({
    what: l10n.t('The run {0} was not made here by you: it came with the folder.', basename(folder)),
    remedy: l10n.t('Begin the search anew: {0}', 'tricks tune FILE --new'),
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
      return { kind: 'failed', reason: l10n.t('The trainer of {0} went away.', basename(folder)) };
  }
}
