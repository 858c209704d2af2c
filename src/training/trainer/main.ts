/**
 * The trainer, a separate process: `node dist/trainer.js <run folder>` trains the recipe in the folder of a queued run
 * and writes the results into the folder. It outlives the process that started it, unless told to stop with it
 * (STOP_WITH_PARENT). Exit codes: those of TRAINER_EXIT.
 */

import { basename, join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { type Engine, reportOf } from '../../backends/backend';
import { DeviceMemoryError } from '../../backends/deviceError';
import { loadEngine } from '../../backends/index';
import type { EngineReport, FinalEvent } from '../../protocol/events';
import { pauseAfter, savePeriod } from '../../protocol/trainer';
import type { Recipe } from '../../recipe/recipe';
import { type Resumption, readResumption, STREAMS, writeCheckpoint } from '../../runs/checkpoint';
import { writeEvaluation } from '../../runs/evaluationFiles';
import { moveAside } from '../../runs/startingOver';
import type { RunRecord } from '../../runs/trainer/runRecord';
import { isOthers, runTrainer, StopRequest } from '../../runs/trainer/trainerProcess';
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
import { takeGpuOf, takeRequestedGpu } from './gpu';
import { isNetworkRecord, type NetworkRecord } from './networkRecord';
import { assertFits, explainOutOfMemory } from './outOfMemory';
import { loadStartingWeights, loadTeacher } from './startingPoint';

async function trainRun(
  recipe: Recipe,
  record: NetworkRecord,
  controller: AbortController,
): Promise<FinalEvent> {
  const { signal } = controller;
  const pausesAfter = pauseAfter(process.env);
  const before = record.manifest.engine;
  const requested = await takeRequestedGpu(recipe.engine, record, signal);
  const loaded = await loadEngine(recipe.engine, { workspace: storeRootOf(record.folder) });
  // This process holds its GPU until it ends.
  if (requested === null) await takeGpuOf(loaded, record, signal);
  const resumption = await readResumption(record.folder);
  const isOther = before !== null && before.name !== loaded.name;
  const threads = threadsFor(loaded, recipe, isOther ? null : resumption.snapshot);
  const engine = { ...loaded, ...loaded.onThreads?.(threads) };
  await record.recordEngine(reportOf(engine), engine.versions);
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
      // The epoch is still saved.
      if (isPause) controller.abort(new StopRequest('pause'));
    },
    save: async (snapshot) => {
      // Another process has taken over the run, so this one must not write.
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

/** Notes in the log if the run's format is slower than float32 on its engine. */
async function tellOfSlowFormat(record: RunRecord, { precision }: Recipe, engine: Engine): Promise<void> {
  if (precision.compute === 'float32') return;
  const what = engine.slowFormats?.[precision.compute];
  if (what === undefined) return;
  console.error(what);
  await record.record({ type: 'preparing', time: Date.now(), what, share: null });
}

/**
 * Returns the number of threads for a run. A resumed run uses the same number as before, so that it continues bit for
 * bit. A new one uses the value of the environment variable, else the default for the machine.
 */
function threadsFor({ onThreads }: Engine, { data }: Recipe, snapshot: Resumption['snapshot']): number {
  if (!onThreads) return 1;
  return snapshot ? snapshot.state.threads : threadsHere(data.batchSize);
}

/**
 * Moves damaged checkpoints aside, so that no later checkpoint overwrites them.
 *
 * @returns notes for the log
 * @throws UserError if no checkpoint is left: only a person may decide to start over, and the files stay until then
 */
async function keepDamaged(folder: string, { snapshot, damage }: Resumption): Promise<string[]> {
  if (damage.length > 0 && !snapshot) throw noCheckpointLeft(folder, damage);
  const notes: string[] = [];
  for (const { path, name, reason } of damage) {
    const aside = await moveAside(path, 'unreadable', reason);
    notes.push(
      l10n.t(
        '{0} is damaged ({1}) and was kept as {2}. Resuming from the checkpoint before it.',
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
      'The run was not resumed because no checkpoint can be read: {0}. Its files are unchanged.',
      files,
    ),
    remedy: l10n.t(
      'Restore {0} from a backup, or start over, which keeps the files under another name: {1}',
      join(folder, 'checkpoints'),
      `tricks resume ${basename(folder)} --from-scratch`,
    ),
  });
}

/** Describes how the random streams of a checkpoint differ from those of this release. */
function streamNotes(saved: Readonly<Record<string, unknown>>): string[] {
  const missing = STREAMS.filter((name) => !(name in saved));
  const others = Object.keys(saved).filter((name) => !STREAMS.some((known) => known === name));
  return [
    ...(missing.length > 0
      ? [
          l10n.t(
            "The checkpoint lacks the random streams {0}. They restart from the run's seed.",
            missing.join(', '),
          ),
        ]
      : []),
    ...(others.length > 0
      ? [l10n.t('The checkpoint has additional random streams ({0}). They are kept.', others.join(', '))]
      : []),
  ];
}

/**
 * Returns the checkpoint that a run resumes from, and notes it in the log. Undefined if the run starts from the
 * beginning.
 */
async function prepareResumption(
  record: NetworkRecord,
  resumption: Resumption,
  before: EngineReport | null,
  now: EngineReport,
): Promise<(Resumption['snapshot'] & object) | undefined> {
  const { snapshot } = resumption;
  const notes = await keepDamaged(record.folder, resumption);
  if (snapshot) notes.push(...streamNotes(snapshot.state.random));
  if (snapshot) notes.push(l10n.t('Resuming after step {0}', snapshot.state.step));
  // The description contains the version, device and threads of the engine. Each may change the order of a sum.
  if (snapshot && before && before.description !== now.description) {
    notes.push(
      l10n.t(
        '{0} trained the run up to here. {1} may give slightly different results.',
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
        ? l10n.t(
            '{0} was emulated up to here and is native from here on: results may differ slightly.',
            compute,
          )
        : l10n.t(
            '{0} was native up to here and is emulated from here on: results may differ slightly.',
            compute,
          ),
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

/** Saves an epoch's predictions of the validation images with the run. */
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

/** Returns the initial weights, if the recipe names some, and notes in the run's log how they were used. */
async function prepareWeights(
  record: NetworkRecord,
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

function trainingFailure(error: unknown, recipe: Recipe): Failure {
  return error instanceof DeviceMemoryError ? memoryFailure(error, recipe) : failureOf(error);
}

runTrainer({
  program: 'node trainer.js',
  accepts: isNetworkRecord,
  train: (record, controller) => trainRun(record.manifest.recipe, record, controller),
  failureOf: (error, { manifest: { recipe } }) => trainingFailure(error, recipe),
});
