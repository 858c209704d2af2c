/**
 * The trainer, a process of its own: `node dist/trainer.js <run folder>` trains the recipe in the folder of a
 * queued run and writes what becomes of it into the folder. It outlives whoever started it, unless it is told to
 * stop with them (STOP_WITH_PARENT). Exit codes: those of TRAINER_EXIT.
 */

import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Engine } from '../../backends/backend';
import { DeviceMemoryError } from '../../backends/deviceError';
import { loadEngine } from '../../backends/index';
import { type EngineReport, type FinalEvent, PROTOCOL_VERSION } from '../../protocol/events';
import {
  type EndRequest,
  type FromTrainer,
  pauseAfter,
  STOP_WITH_PARENT,
  savePeriod,
  TRAINER_EXIT,
  toTrainerSchema,
} from '../../protocol/trainer';
import type { Recipe } from '../../recipe/recipe';
import { type Resumption, readResumption, STREAMS, writeCheckpoint } from '../../runs/checkpoint';
import { writeEvaluation } from '../../runs/evaluationFiles';
import { endRequestIn, FencedOut, standingOf } from '../../runs/lease/lease';
import { moveAside } from '../../runs/startingOver';
import { assertNever } from '../../shared/assertNever';
import type { Failure } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { failureOf } from '../../system/errors';
import type { DownloadProgress } from '../../system/network/download';
import { storeRootOf } from '../../system/storeFolder';
import { tricksAgainst } from '../../tricks/registry';
import type { ImageDataset } from '../data/dataset';
import { type EpochEvaluation, startedEvent, type TrainingOptions, train } from '../loop/loop';
import { threadsHere } from '../parallel/workerPool';
import { openData } from './data';
import { memoryFailure } from './deviceMemory';
import { type KeeperMessage, keepLease } from './leaseKeeper';
import { assertFits, explainOutOfMemory } from './outOfMemory';
import { RunRecord } from './runRecord';
import { loadStartingWeights, loadTeacher } from './startingPoint';

/** Why a training ends that a person, or whoever cares for this process, wants ended. */
class StopRequest extends Error {
  override readonly name = 'StopRequest';

  constructor(readonly request: EndRequest) {
    super();
  }
}

/** The run's folder is gone: there is nothing to write to. */
class LostRun extends Error {
  override readonly name = 'LostRun';
}

async function main(folder: string | undefined): Promise<number> {
  if (folder === undefined) {
    console.error(l10n.t('Usage: {0} <run folder>', 'node trainer.js'));
    return TRAINER_EXIT.badUsage;
  }
  const controller = new AbortController();
  onEndRequests(folder, (request) => controller.abort(new StopRequest(request)));
  sendToHost({ type: 'hello', version: PROTOCOL_VERSION, pid: process.pid });
  const opening = await RunRecord.open(folder, (bytes) => sendToHost({ type: 'appended', bytes }));
  switch (opening.outcome) {
    case 'opened':
      return trainOpened(opening.record, controller);
    case 'taken':
      console.error(l10n.t('{0} is not queued: another process trains it, or has ended it.', folder));
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

/** Trains a run that is this process's, and records how that ended. */
async function trainOpened(record: RunRecord, controller: AbortController): Promise<number> {
  keepLease(record.folder, record.lease, (message) => controller.abort(reasonOf(message)));
  process.on('uncaughtException', (error) => {
    conclude(record, failedEvent(error, record.manifest.recipe)).then(
      (code) => process.exit(code),
      () => process.exit(TRAINER_EXIT.failed),
    );
  });
  const { signal } = controller;
  const final = await trainRun(record.manifest.recipe, record, controller).catch((error: unknown) => {
    // What went wrong may be that the run is not this process's any more, before the keeper saw it.
    const isOwnFailure = error !== signal.reason && standingOf(record.folder, record.lease) === 'held';
    return isOwnFailure ? failedEvent(error, record.manifest.recipe) : stoppedEvent(record);
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

/** Records how a training ended, where the run is still this process's to write; the exit code. */
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
    console.error(l10n.t('{0} was moved or deleted while it trained.', record.folder));
    return TRAINER_EXIT.lost;
  }
  return leaveFenced(record.folder);
}

function leaveFenced(folder: string): number {
  console.error(
    l10n.t('{0} was taken over by a later attempt. What this one had not written is dropped.', folder),
  );
  return TRAINER_EXIT.fenced;
}

async function trainRun(recipe: Recipe, record: RunRecord, controller: AbortController): Promise<FinalEvent> {
  const { signal } = controller;
  const pausesAfter = pauseAfter(process.env);
  const before = record.manifest.engine;
  const loaded = await loadEngine(recipe.engine, { workspace: storeRootOf(record.folder) });
  const resumption = await readResumption(record.folder);
  const isOther = before !== null && before.name !== loaded.name;
  const threads = threadsFor(loaded, recipe, isOther ? null : resumption.snapshot);
  const engine = { ...loaded, ...loaded.onThreads?.(threads) };
  await record.recordEngine(engine);
  await record.record(startedEvent(recipe, engine));
  await tellOfSlowFormat(record, recipe, engine);
  assertFits(recipe, engine, threads);
  const resume = await prepareResumption(record, resumption, before, engine);
  const weights = resume ? undefined : await prepareWeights(record, signal);
  const teacher = await loadTeacher(record);
  const { dataset, close } = await openData(record, { engine: engine.name, threads, signal });
  const options: TrainingOptions = {
    dataset,
    weights,
    teacher,
    resume,
    threads: { count: threads, engine: engine.name },
    saveEvery: savePeriod(process.env),
    emit: async (event) => {
      await record.record(event);
      const isPause =
        event.type === 'epoch' && event.epoch + 1 === pausesAfter && pausesAfter < recipe.epochs;
      // The epoch is saved all the same.
      if (isPause) controller.abort(new StopRequest('pause'));
    },
    save: async (snapshot) => {
      // What another has taken over is not this one's to write.
      if (isOthers(signal.reason)) return;
      await record.sync();
      record.assertNotFenced();
      await writeCheckpoint(record.folder, record.lease.attempt, snapshot);
    },
    keepEvaluation: async (evaluation) => {
      if (isOthers(signal.reason)) return;
      record.assertNotFenced();
      await keepEvaluation(record, dataset, evaluation);
    },
    helpAgainst: (trouble) => tricksAgainst(trouble, recipe.tricks),
    signal,
  };
  try {
    return await explainOutOfMemory(recipe, engine, threads, () => train(recipe, options));
  } finally {
    await close();
  }
}

/** Notes in the log where the run's format is slower than float32 on its engine. */
async function tellOfSlowFormat(record: RunRecord, { precision }: Recipe, engine: Engine): Promise<void> {
  if (precision.compute === 'float32') return;
  const what = engine.slowFormats?.[precision.compute];
  if (what === undefined) return;
  console.error(what);
  await record.record({ type: 'preparing', time: Date.now(), what, share: null });
}

/**
 * The threads for a run that starts or goes on: those that it had, so that it goes on to the bit, else as many as
 * the environment says, or as suit the machine.
 */
function threadsFor({ onThreads }: Engine, { data }: Recipe, snapshot: Resumption['snapshot']): number {
  if (!onThreads) return 1;
  return snapshot ? snapshot.state.threads : threadsHere(data.batchSize);
}

/**
 * Moves damaged checkpoints aside, so that none is replaced by a later one.
 *
 * @returns what to note
 * @throws UserError where no checkpoint is left: to start anew is a person's decision, and the files stay for it
 */
async function keepDamaged(folder: string, { snapshot, damage }: Resumption): Promise<string[]> {
  if (damage.length > 0 && !snapshot) throw noCheckpointLeft(folder, damage);
  const notes: string[] = [];
  for (const { path, name, reason } of damage) {
    const aside = await moveAside(path, 'unreadable', reason);
    notes.push(
      l10n.t(
        '{0} is damaged ({1}) and kept as {2}; going on from the checkpoint before it.',
        name,
        reason,
        basename(aside ?? path),
      ),
    );
  }
  return notes;
}

function noCheckpointLeft(folder: string, damage: Resumption['damage']): UserError {
  const files = damage.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  return new UserError({
    what: l10n.t(
      'The run was not resumed, and its files are as they were: no checkpoint can be read: {0}.',
      files,
    ),
    remedy: l10n.t(
      'Restore {0} from a backup, or start anew, which keeps the files under another name: {1}',
      join(folder, 'checkpoints'),
      `tricks resume ${basename(folder)} --from-scratch`,
    ),
  });
}

/** How the random streams of a checkpoint differ from those that this release has. */
function streamNotes(saved: Readonly<Record<string, unknown>>): string[] {
  const missing = STREAMS.filter((name) => !(name in saved));
  const others = Object.keys(saved).filter((name) => !STREAMS.some((known) => known === name));
  return [
    ...(missing.length > 0
      ? [
          l10n.t(
            "The checkpoint lacks random streams ({0}); they start at their beginning, which the run's seed defines.",
            missing.join(', '),
          ),
        ]
      : []),
    ...(others.length > 0
      ? [l10n.t('The checkpoint has more random streams ({0}); they are kept.', others.join(', '))]
      : []),
  ];
}

/** The checkpoint that a run resumes from, which is noted in its log; undefined at its start. */
async function prepareResumption(
  record: RunRecord,
  resumption: Resumption,
  before: EngineReport | null,
  now: EngineReport,
): Promise<(Resumption['snapshot'] & object) | undefined> {
  const { snapshot } = resumption;
  const notes = await keepDamaged(record.folder, resumption);
  if (snapshot) notes.push(...streamNotes(snapshot.state.random));
  if (snapshot) notes.push(l10n.t('Going on after step {0}', snapshot.state.step));
  // Its version, its device and its threads are in the description: each may change the order of a sum.
  if (snapshot && before && before.description !== now.description) {
    notes.push(
      l10n.t(
        'Until here {0} trained the run; {1} may compute other digits.',
        before.description,
        now.description,
      ),
    );
  }
  const { compute } = record.manifest.recipe.precision;
  const wasNative = compute !== 'float32' && before?.halfFormats?.includes(compute);
  const isNative = compute !== 'float32' && (now.halfFormats ?? []).includes(compute);
  if (snapshot && wasNative !== undefined && wasNative !== isNative) {
    notes.push(
      isNative
        ? l10n.t('{0} was emulated until here and is computed in from here on: digits may differ.', compute)
        : l10n.t('{0} was computed in until here and is emulated from here on: digits may differ.', compute),
    );
  }
  for (const what of notes) {
    console.error(what);
    await record.record({ type: 'preparing', time: Date.now(), what, share: null });
  }
  if (!snapshot) return undefined;
  await record.resumeFrom(snapshot.state.step, snapshot.state.validation?.accuracy ?? null);
  return snapshot;
}

/** Keeps what an epoch made of the validation images with the run. */
async function keepEvaluation(
  { folder, lease: { attempt } }: RunRecord,
  { validation, facts: { classNames } }: ImageDataset,
  { epoch, step, isBest, predictions, averaged }: EpochEvaluation,
): Promise<void> {
  const nameOf = (image: number) => validation.name?.(image) ?? `#${image}`;
  const of = { epoch, step, classNames, nameOf };
  if (averaged) await writeEvaluation(folder, attempt, ['averaged'], { ...of, predictions: averaged });
  await writeEvaluation(folder, attempt, isBest ? ['best', 'last'] : ['last'], { ...of, predictions });
}

/** The weights to start from, where the recipe names some; what became of them is noted in the run's log. */
async function prepareWeights(
  record: RunRecord,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Float32Array> | undefined> {
  const progress = downloadReport(record);
  const loaded = await loadStartingWeights(record, {
    cacheFolder: process.env.BAG_OF_TRICKS_CACHE,
    signal,
    onProgress: progress.report,
  });
  await progress.reported();
  for (const what of loaded?.notes ?? []) {
    await record.record({ type: 'preparing', time: Date.now(), what, share: null });
  }
  return loaded?.values;
}

/** Reports downloads in a run's log, at every percent. */
function downloadReport(record: RunRecord): {
  readonly report: (progress: DownloadProgress) => void;
  readonly reported: () => Promise<void>;
} {
  let last = '';
  let reporting = Promise.resolve();
  return {
    report: ({ file, receivedBytes, totalBytes }) => {
      const share = totalBytes === null ? null : Math.floor((100 * receivedBytes) / totalBytes) / 100;
      const what = l10n.t('Downloading {0}', file);
      if (last === `${what} ${share}`) return;
      last = `${what} ${share}`;
      reporting = reporting.then(() => record.record({ type: 'preparing', time: Date.now(), what, share }));
    },
    reported: () => reporting,
  };
}

/** Calls `end` when the host, or a signal, asks the training to end; what a signal means, the folder may say. */
function onEndRequests(folder: string, end: (request: EndRequest) => void): void {
  const endAsAsked = () => end(endRequestIn(folder) ?? 'stop');
  process.on('SIGTERM', endAsAsked);
  // A second interrupt is the system's to handle, which ends the process at once.
  process.once('SIGINT', endAsAsked);
  process.on('message', (message) => {
    const parsed = toTrainerSchema.safeParse(message);
    if (parsed.success) end(parsed.data.type);
  });
  if (process.env[STOP_WITH_PARENT]) process.on('disconnect', endAsAsked);
}

/** Sends a message to the host, if there still is one: the training goes on without. */
function sendToHost(message: FromTrainer): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** Whether a training ends because its run is not this process's any more. */
function isOthers(reason: unknown): boolean {
  return reason instanceof LostRun || reason instanceof FencedOut;
}

/** The end of a run that was stopped before it trained. */
function stoppedEvent({ manifest: { state } }: RunRecord): FinalEvent {
  return { type: 'stopped', time: Date.now(), step: state.status === 'running' ? state.step : 0 };
}

/** The end of a run that was asked to end, as it was asked for. */
function asRequested(final: FinalEvent, reason: unknown): FinalEvent {
  const isPaused = final.type === 'stopped' && reason instanceof StopRequest && reason.request === 'pause';
  return isPaused ? { ...final, type: 'paused' } : final;
}

/** The end of a run by an error, which goes to the trainer's log in full. */
function failedEvent(error: unknown, recipe: Recipe): FinalEvent {
  console.error(error);
  return { type: 'failed', time: Date.now(), failure: trainingFailure(error, recipe) };
}

function trainingFailure(error: unknown, recipe: Recipe): Failure {
  return error instanceof DeviceMemoryError ? memoryFailure(error, recipe) : failureOf(error);
}

/** Tells an error that no event can: its words come last, which is what is read of a trainer that left. */
function tellError(error: unknown): number {
  console.error(error);
  const { what, remedy } = failureOf(error);
  console.error(`${what} ${remedy}`);
  return TRAINER_EXIT.failed;
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(tellError(error)),
);
