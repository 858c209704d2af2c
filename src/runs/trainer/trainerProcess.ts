/**
 * What all trainer processes share: a trainer claims a queued run, trains it, and records how it ended. It outlives the
 * process that started it, unless told to stop with it (STOP_WITH_PARENT). Exit codes: those of TRAINER_EXIT.
 */
import * as l10n from '@vscode/l10n';
import { type FinalEvent, PROTOCOL_VERSION } from '../../protocol/events';
import {
  type EndRequest,
  type FromTrainer,
  STOP_WITH_PARENT,
  TRAINER_EXIT,
  toTrainerSchema,
} from '../../protocol/trainer';
import { assertNever } from '../../shared/assertNever';
import { type Failure, messageOf } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { failureOf } from '../../system/errors';
import { endRequestIn, FencedOut, standingOf } from '../lease/lease';
import { type KeeperMessage, keepLease } from './leaseKeeper';
import { RunRecord } from './runRecord';

/** A request, from a person or from the process's supervisor, to end a training. */
export class StopRequest extends Error {
  override readonly name = 'StopRequest';

  constructor(readonly request: EndRequest) {
    super();
  }
}

/** The run's folder no longer exists, so nothing can be written. */
class LostRun extends Error {
  override readonly name = 'LostRun';
}

/** A kind of trainer. */
export interface Trainer<Record extends RunRecord> {
  /** How a person would start it, for the message about wrong arguments. */
  readonly program: string;
  /** Whether this trainer can train the run. The supervisor starts each trainer only on its own runs. */
  accepts(record: RunRecord): record is Record;
  /**
   * Trains the run. Ends early when the controller's signal aborts, with a StopRequest or because this process lost
   * the run.
   */
  train(record: Record, controller: AbortController): Promise<FinalEvent>;
  /** Explains an error that ended the training. */
  failureOf(error: unknown, record: Record): Failure;
}

/** Trains the run whose folder is this process's argument, then exits. */
export function runTrainer<Record extends RunRecord>(trainer: Trainer<Record>): void {
  main(trainer, process.argv[2]).then(
    (code) => process.exit(code),
    (error: unknown) => process.exit(tellError(error)),
  );
}

async function main<Record extends RunRecord>(
  trainer: Trainer<Record>,
  folder: string | undefined,
): Promise<number> {
  if (folder === undefined) {
    console.error(l10n.t('Usage: {0} <run folder>', trainer.program));
    return TRAINER_EXIT.badUsage;
  }
  const controller = new AbortController();
  onEndRequests(folder, (request) => controller.abort(new StopRequest(request)));
  sendToHost({ type: 'hello', version: PROTOCOL_VERSION, pid: process.pid });
  const opening = await RunRecord.open(folder, (bytes) => sendToHost({ type: 'appended', bytes }));
  switch (opening.outcome) {
    case 'opened':
      return trainOpened(trainer, opening.record, controller);
    case 'taken':
      console.error(l10n.t('{0} is not queued: another process is training it or has ended it.', folder));
      return TRAINER_EXIT.taken;
    case 'fenced':
      return leaveFenced(folder);
    case 'failed':
      return tellError(opening.error);
    case 'broken':
      console.error(l10n.t('{0} is not a run: {1}', folder, opening.reason));
      return TRAINER_EXIT.badUsage;
    default:
      return assertNever(opening);
  }
}

/** Trains a run that this process holds, and records how it ended. */
async function trainOpened<Record extends RunRecord>(
  trainer: Trainer<Record>,
  record: RunRecord,
  controller: AbortController,
): Promise<number> {
  keepLease(record.folder, record.lease, (message) => controller.abort(reasonOf(message)));
  const failedEvent = (error: unknown): FinalEvent => {
    logError(error);
    const failure = trainer.accepts(record) ? trainer.failureOf(error, record) : failureOf(error);
    return { type: 'failed', time: Date.now(), failure };
  };
  process.on('uncaughtException', (error) => {
    conclude(record, failedEvent(error)).then(
      (code) => process.exit(code),
      () => process.exit(TRAINER_EXIT.failed),
    );
  });
  const { signal } = controller;
  const training = trainer.accepts(record)
    ? trainer.train(record, controller)
    : Promise.reject(new Error(`${trainer.program} does not train ${record.folder}`));
  const final = await training.catch((error: unknown) => {
    // The cause may be that this process has lost the run, before the keeper noticed.
    const isOwnFailure = error !== signal.reason && standingOf(record.folder, record.lease) === 'held';
    return isOwnFailure ? failedEvent(error) : stoppedEvent(record);
  });
  return conclude(record, asRequested(final, signal.reason));
}

function reasonOf(message: KeeperMessage): Error {
  switch (message) {
    case 'lost':
      return new LostRun();
    case 'fenced':
      return new FencedOut();
    case 'stop':
    case 'pause':
      return new StopRequest(message);
    default:
      return assertNever(message);
  }
}

/** Records how a training ended, if this process still holds the run. Returns the exit code. */
async function conclude(record: RunRecord, ending: FinalEvent): Promise<number> {
  let standing = standingOf(record.folder, record.lease);
  if (standing === 'held') {
    try {
      await record.end(ending);
      return TRAINER_EXIT[ending.type];
    } catch (error) {
      if (!(error instanceof FencedOut)) throw error;
      standing = 'fenced';
    }
  }
  await record.abandon();
  if (standing === 'lost') {
    console.error(l10n.t('{0} was moved or deleted during training.', record.folder));
    return TRAINER_EXIT.lost;
  }
  return leaveFenced(record.folder);
}

function leaveFenced(folder: string): number {
  console.error(
    l10n.t(
      'A later attempt took over {0}. Anything that this attempt had not written yet is discarded.',
      folder,
    ),
  );
  return TRAINER_EXIT.fenced;
}

/**
 * Calls `end` when the host or a signal asks the training to end. For a signal, the folder may say which kind of end.
 */
function onEndRequests(folder: string, end: (request: EndRequest) => void): void {
  const endAsAsked = () => end(endRequestIn(folder) ?? 'stop');
  process.on('SIGTERM', endAsAsked);
  // The system handles a second interrupt, which kills the process immediately.
  process.once('SIGINT', endAsAsked);
  process.on('message', (message) => {
    const parsed = toTrainerSchema.safeParse(message);
    if (parsed.success) end(parsed.data.type);
  });
  if (process.env[STOP_WITH_PARENT]) process.on('disconnect', endAsAsked);
}

/** Sends a message to the host if it is still connected. The training continues without it. */
function sendToHost(message: FromTrainer): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** Returns whether a training ends because this process has lost its run. */
export function isOthers(reason: unknown): boolean {
  return reason instanceof LostRun || reason instanceof FencedOut;
}

/** Returns the final event of a run that was stopped, after its last step. */
export function stoppedEvent({ manifest: { state } }: RunRecord): FinalEvent {
  return { type: 'stopped', time: Date.now(), step: state.status === 'running' ? state.step : 0 };
}

/** Returns the final event of a run that was asked to end: paused if a pause was requested. */
function asRequested(final: FinalEvent, reason: unknown): FinalEvent {
  const isPaused = final.type === 'stopped' && reason instanceof StopRequest && reason.request === 'pause';
  return isPaused ? { ...final, type: 'paused' } : final;
}

/**
 * Reports an error that no event can report. Prints our own explanation last if the error does not contain it, because
 * readers look at the last lines of an exited trainer.
 */
function tellError(error: unknown): number {
  logError(error);
  const { what, remedy } = failureOf(error);
  const saysItself = error instanceof UserError || messageOf(error).startsWith(what);
  if (!saysItself) console.error(`${what} ${remedy}`);
  return TRAINER_EXIT.failed;
}

/** Writes the full error to the trainer's log. The message of a UserError contains everything in its failure. */
function logError(error: unknown): void {
  if (!(error instanceof UserError)) {
    console.error(error);
    return;
  }
  console.error(error.stack);
  if (error.cause !== undefined) console.error(error.cause);
}
