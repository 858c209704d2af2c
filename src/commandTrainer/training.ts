import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import type { FinalEvent, RunEvent } from '../protocol/events';
import { settledMetrics } from '../protocol/fold';
import { type PythonReport, pythonText } from '../protocol/manifest';
import type { EpochEvent, StepEvent } from '../protocol/standing';
import { graceIn, pauseAfter } from '../protocol/trainer';
import type { CommandRecipe } from '../recipe/commandRecipe';
import {
  assertWorkingDirectoryAllowed,
  type CommandManifest,
  placesOfRun,
  workingDirectoryOf,
} from '../runs/commandRun';
import { tellingLines } from '../runs/ending';
import { gpuNeed } from '../runs/gpus/need';
import { takeRunGpus } from '../runs/gpus/run';
import { forgetCommand, recordCommand } from '../runs/lease/commandProcesses';
import { readAllEvents, thinningStride } from '../runs/log';
import { foreignRunsError, isOwnRun } from '../runs/origin';
import { GRACE_MS } from '../runs/stopping';
import { metricsPath } from '../runs/store';
import type { RunRecord } from '../runs/trainer/runRecord';
import { isOthers, StopRequest, stoppedEvent } from '../runs/trainer/trainerProcess';
import { UserError } from '../shared/userError';
import { findGpus } from '../system/gpus/find';
import { isInside, realPathOf } from '../system/insideFolder';
import { memoryKills } from '../system/processes';
import { BoundedLog } from './boundedLog';
import { filled, programOutside, type ReadyCommand, readyCommand } from './commandLine';
import { CommandOutput } from './commandOutput';
import { type CommandExit, CommandProcess } from './commandProcess';
import { crashFailure, missingProgramFailure, startError } from './crashFailure';
import { readFoundCheckpoint, writeFoundCheckpoint } from './foundCheckpoint';
import { Guard } from './guard';
import { endEarlierCommands } from './leftovers';
import { pythonReport } from './python/choosing';
import { findPython } from './python/finding';

/** The record of a run that a command trains. */
export type CommandRecord = RunRecord & { readonly manifest: CommandManifest };

/** Where a run's command starts. */
interface Start {
  /** The checkpoint to resume from, null to start from the beginning. */
  readonly checkpoint: string | null;
  /** The steps and epochs that it continues. */
  readonly history: readonly (StepEvent | EpochEvent)[];
  readonly notes: readonly string[];
}

/**
 * Runs a run's command and records what it reports.
 *
 * @param controller aborts when the training has to end
 * @throws UserError
 */
export async function trainCommand(record: CommandRecord, controller: AbortController): Promise<FinalEvent> {
  const { manifest } = record;
  const { recipe } = manifest;
  const runFolder = await realPathOf(resolve(record.folder));
  if (!(await isOwnRun({ folder: record.folder, manifest }))) {
    throw foreignRunsError([{ folder: record.folder, manifest }], 'tricks resume');
  }
  const places = placesOfRun(runFolder, manifest);
  await assertWorkingDirectoryAllowed(recipe, places);
  const workingDirectory = workingDirectoryOf(recipe, places);
  await assertIsFolder(workingDirectory);
  const notes: string[] = [];
  if (await endEarlierCommands(runFolder)) {
    notes.push(l10n.t('The command of an earlier attempt was still running, and was ended.'));
  }
  const { PATH } = recipe.environment;
  const env = {
    ...process.env,
    ...(PATH !== undefined && { PATH: filled(PATH, { runFolder, checkpoint: null }) }),
  };
  const finding = findPython(recipe.command, { workingDirectory, root: places.root, env });
  if (!finding.ok) throw new UserError(finding.failure);
  const start = await startOf(recipe, runFolder, workingDirectory);
  const readyWith = (gpuVariables: NodeJS.ProcessEnv) =>
    readyCommand(
      recipe,
      start.checkpoint === null ? [] : (recipe.resume ?? []),
      {
        runFolder,
        attempt: record.lease.attempt,
        checkpoint: start.checkpoint ?? checkpointPath(recipe, runFolder),
      },
      { workingDirectory, python: finding.choice, env: { ...process.env, ...gpuVariables } },
    );
  const unready = readyWith({});
  if (!(await exists(unready.program))) throw new UserError(missingProgramFailure(unready));
  const python = pythonReport(finding.choice, programOutside(unready));
  await record.recordPython(python);
  const all = await findGpus();
  const gpus = await takeRunGpus(record, gpuNeed(recipe, all, process.env), all, controller.signal);
  try {
    const ready = readyWith(gpus.variables);
    const run = { record, controller, recipe, runFolder, workingDirectory, ready, python, start };
    return await new CommandTraining(run).train([...notes, ...start.notes]);
  } finally {
    await gpus.release();
  }
}

interface PreparedRun {
  readonly record: CommandRecord;
  readonly controller: AbortController;
  readonly recipe: CommandRecipe;
  readonly runFolder: string;
  readonly workingDirectory: string;
  readonly ready: ReadyCommand;
  readonly python: PythonReport | null;
  readonly start: Start;
}

/** One attempt at a run with a command. */
class CommandTraining {
  readonly #log = new BoundedLog(1);
  readonly #output: CommandOutput;
  /** The first error of writing the run's log. It ends the command. */
  #writeError: { readonly error: unknown } | null = null;
  #command: CommandProcess | null = null;
  /** The number of epochs after which the run pauses. A command that cannot resume is not paused. */
  readonly #pausesAfter: number | null;
  /** When the last epoch before the pause was reported. The run pauses once its checkpoint is saved. */
  #dueAt: number | null = null;
  /** The number of steps and epochs that were reported, and when the last epoch was. */
  readonly #reported = { steps: 0, epochs: 0, epochAt: 0 };
  /** The lowest number of an epoch in the output. */
  #lowestEpoch = Number.POSITIVE_INFINITY;
  #foundCheckpoint: Promise<void> = Promise.resolve();

  constructor(private readonly run: PreparedRun) {
    const { recipe, runFolder, start } = run;
    this.#pausesAfter = recipe.resume === null ? null : pauseAfter(process.env);
    this.#output = new CommandOutput({
      ...{ recipe, runFolder, history: start.history, log: this.#log },
      isResumed: start.checkpoint !== null,
      emit: (event) => this.#record(event),
      onPoll: () => void this.#pauseIfSaved(),
      onCheckpoint: (path) => {
        const absolute = resolve(run.workingDirectory, path);
        this.#foundCheckpoint = this.#foundCheckpoint.then(() => writeFoundCheckpoint(runFolder, absolute));
      },
    });
  }

  async train(notes: readonly string[]): Promise<FinalEvent> {
    const { record, controller, runFolder, ready, python } = this.run;
    if (python) this.#log.note(l10n.t('Python: {0}', pythonText(python)));
    const beganAt = performance.now();
    for (const what of notes) {
      this.#log.note(what);
      await record.record({ type: 'preparing', time: Date.now(), what, share: null });
    }
    const guard = new Guard(runFolder, record.lease);
    try {
      this.#output.begin(ready);
      controller.signal.throwIfAborted();
      const killsBefore = await memoryKills();
      const exit = await this.#runCommand(guard);
      const kills = await memoryKills();
      const hadMemory = kills === null || killsBefore === null ? null : kills === killsBefore;
      this.#output.end();
      await this.#foundCheckpoint;
      if (this.#writeError) throw this.#writeError.error;
      return this.#finalEvent(exit, hadMemory, (performance.now() - beganAt) / 1000);
    } finally {
      this.#output.close();
      await guard.dismiss();
    }
  }

  /** Runs the command to its end. Nothing of it is left then, whatever happened. */
  async #runCommand(guard: Guard): Promise<CommandExit> {
    const { record, controller, runFolder, workingDirectory, ready } = this.run;
    const { signal } = controller;
    const onOutput = (bytes: Buffer, stream: 'stdout' | 'stderr') => this.#output.take(bytes, stream);
    const command = await CommandProcess.start(ready, workingDirectory, onOutput).catch((error: unknown) => {
      throw startError(ready, error);
    });
    this.#command = command;
    guard.watch(command.pid);
    const onAbort = () => void this.#end(command);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted || this.#writeError) onAbort();
    // The guard remains if the disk is full.
    await recordCommand(runFolder, record.lease.attempt, command.pid).catch(() => {});
    const exit = await command.exited;
    signal.removeEventListener('abort', onAbort);
    await command.cleanUp(runFolder, record.lease.attempt);
    if (!isOthers(signal.reason)) await forgetCommand(runFolder);
    return exit;
  }

  /** Ends the command as requested, or at once if this process lost the run. */
  async #end(command: CommandProcess): Promise<void> {
    const mustEndAtOnce = isOthers(this.run.controller.signal.reason) || this.#writeError !== null;
    if (mustEndAtOnce) return command.kill();
    const graceMs = graceIn(process.env) ?? GRACE_MS.command;
    const beganAt = performance.now();
    await this.#savesCheckpoint(command, SAVING_SHARE * graceMs);
    await command.end(graceMs - (performance.now() - beganAt));
  }

  /**
   * Waits while the command saves its checkpoint, or probably is about to, because an epoch has just ended. A program
   * that is interrupted while it saves leaves a file that it cannot load.
   */
  async #savesCheckpoint(command: CommandProcess, mostMs: number): Promise<void> {
    const path = checkpointPath(this.run.recipe, this.run.runFolder);
    if (path === null) return;
    const until = performance.now() + mostMs;
    const { steps, epochs } = this.#reported;
    const ended = command.exited.then(() => true);
    while (performance.now() < until) {
      const savedAt = (await lstat(path).catch(() => null))?.mtimeMs ?? 0;
      const { epochAt } = this.#reported;
      const isSaved = Date.now() - savedAt > SAVED_MS;
      const isDue = savedAt < epochAt && Date.now() - epochAt < SAVES_WITHIN_MS;
      // An epoch in a file may be read late.
      const goesOn = this.#reported.steps > steps || this.#reported.epochs > epochs + 1;
      if ((isSaved && !isDue) || goesOn) return;
      if (await Promise.race([ended, delay(SAVING_POLL_MS, false)])) return;
    }
  }

  #record(event: RunEvent): void {
    this.run.record.record(event).catch((error: unknown) => {
      if (this.#writeError) return;
      this.#writeError = { error };
      void this.#command?.kill();
    });
    if (event.type !== 'epoch' && event.type !== 'step') return;
    this.#lowestEpoch = Math.min(this.#lowestEpoch, event.epoch);
    if (event.type === 'step') this.#reported.steps += 1;
    else Object.assign(this.#reported, { epochs: this.#reported.epochs + 1, epochAt: Date.now() });
    const after = this.#pausesAfter;
    if (after === null || after >= (this.#output.totalEpochs ?? Number.POSITIVE_INFINITY)) return;
    // The command goes on after it has saved.
    const isPast = event.epoch >= after;
    // A command may save before it validates.
    const isReached = event.type === 'epoch' && event.epoch + 1 === after && hasValidation(event);
    if (isPast || isReached) this.#dueAt ??= Date.now();
    if (isPast) void this.#pauseIfSavedEver();
  }

  /** Pauses if the checkpoint of the last epoch before the pause is saved. */
  async #pauseIfSaved(): Promise<void> {
    const path = checkpointPath(this.run.recipe, this.run.runFolder);
    if (this.#dueAt === null || path === null) return;
    const stats = await lstat(path).catch(() => null);
    if (stats && stats.mtimeMs >= this.#dueAt && Date.now() - stats.mtimeMs > SAVED_MS) this.#pause();
  }

  /** Pauses if there is any checkpoint. Without one, the command would start over. */
  async #pauseIfSavedEver(): Promise<void> {
    const checkpoint = await savedCheckpoint(this.run.recipe, this.run.runFolder).catch(() => null);
    if (checkpoint !== null) this.#pause();
  }

  #pause(): void {
    this.run.controller.abort(new StopRequest('pause'));
  }

  #finalEvent(exit: CommandExit, hadMemory: boolean | null, seconds: number): FinalEvent {
    const { record, controller, recipe, ready, start } = this.run;
    const before = start.history.reduce(
      (sum, event) => sum + (event.type === 'epoch' ? event.seconds : 0),
      0,
    );
    const result = this.#output.result(before + seconds);
    const { totalEpochs } = this.#output;
    const isWhole = exit.code === 0 && totalEpochs !== null && result.epochs >= totalEpochs;
    if (controller.signal.aborted && !isWhole) return stoppedEvent(record);
    const time = Date.now();
    const failure = this.#output.divergence;
    if (exit.code !== 0) {
      const crash = crashFailure(recipe, ready, { exit, hadMemory, lines: this.#output.lastLines });
      return { type: 'failed', time, failure: { ...crash, ...(failure && { kind: 'diverged' as const }) } };
    }
    if (failure) return { type: 'failed', time, failure };
    if (this.#output.hasMetrics) {
      const { metrics } = recipe;
      const mayCountFromOne =
        typeof metrics === 'object' && 'firstEpoch' in metrics && metrics.firstEpoch === 0;
      if (!mayCountFromOne || start.history.length > 0 || this.#lowestEpoch !== 1) {
        return { type: 'done', time, result };
      }
      const note = l10n.t(
        'The first epoch in the output is 1. If the program counts epochs from 1, add {0} under {1}.',
        'first_epoch: 1',
        'trainer.metrics',
      );
      return { type: 'done', time, result: { ...result, notes: [note] } };
    }
    const notes = [
      l10n.t('No metrics were found in the output, which is in trainer.log as it is.'),
      l10n.t(
        'Describe the metrics under {0} in the experiment file, or let the command print JSON lines.',
        'trainer.metrics',
      ),
    ];
    const output = tellingLines(
      this.#output.lastLines.map((line) => line.slice(0, SHOWN_CHARACTERS)).join('\n'),
    );
    return { type: 'done', time, result: { ...result, notes, ...(output !== '' && { output }) } };
  }
}

/** Characters of a line of output that a run without metrics shows. */
const SHOWN_CHARACTERS = 300;

function hasValidation({ validationAccuracy, validationLoss }: EpochEvent): boolean {
  return validationAccuracy !== undefined || validationLoss !== undefined;
}

/** A checkpoint that has not changed for this long is complete. */
const SAVED_MS = 1000;
/** Programs begin to save the checkpoint of an epoch this soon after they report it. */
const SAVES_WITHIN_MS = 3000;
/** The most of the time for ending that a command may go on saving. */
const SAVING_SHARE = 1 / 3;
const SAVING_POLL_MS = 50;

/** Decides whether a run's command resumes. */
async function startOf(recipe: CommandRecipe, runFolder: string, workingDirectory: string): Promise<Start> {
  const { events } = await readAllEvents(metricsPath(runFolder), thinningStride);
  const history = settledMetrics(events);
  const checkpoint = recipe.resume === null ? null : await savedCheckpoint(recipe, runFolder);
  if (checkpoint !== null) {
    return { checkpoint, history, notes: [l10n.t('Resuming from {0}', checkpoint)] };
  }
  if (history.length === 0) return { checkpoint: null, history: [], notes: [] };
  return {
    checkpoint: null,
    history: [],
    notes: [
      recipe.resume === null
        ? l10n.t('The command cannot resume, so it starts over.')
        : l10n.t(
            'There is no checkpoint to resume from, so the command starts over in {0}.',
            workingDirectory,
          ),
    ],
  };
}

/** Where the command saves its checkpoint, according to the recipe. */
function checkpointPath({ checkpoint }: CommandRecipe, runFolder: string): string | null {
  return checkpoint === null ? null : join(runFolder, checkpoint);
}

/** Returns the checkpoint that a run's command has saved: where the recipe says, or else where the command said. */
async function savedCheckpoint(recipe: CommandRecipe, runFolder: string): Promise<string | null> {
  const path = checkpointPath(recipe, runFolder);
  if (path === null) {
    const found = await readFoundCheckpoint(runFolder);
    return found !== null && (await exists(found)) ? found : null;
  }
  // A link could lead to another run's checkpoint, or to anybody's.
  return (await exists(path)) && isInside(await realPathOf(path), runFolder) ? path : null;
}

async function assertIsFolder(path: string): Promise<void> {
  const stats = await lstat(await realPathOf(path)).catch(() => null);
  if (stats?.isDirectory()) return;
  throw new UserError({
    what: stats
      ? l10n.t('The working directory {0} of the command is not a folder.', path)
      : l10n.t('The working directory {0} of the command does not exist.', path),
    remedy: l10n.t('Create it, or change the working directory in the experiment file.'),
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
