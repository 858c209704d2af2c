/**
 * Short trials of a recipe that measure what depends on the machine: step time, and the best number of parallel runs.
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../../protocol/events';
import { MANIFEST_VERSION } from '../../protocol/manifest';
import { type EngineStartedEvent, isEngineStart, type StepEvent } from '../../protocol/standing';
import type { Recipe } from '../../recipe/recipe';
import { livenessOf, readLease } from '../../runs/lease/lease';
import { writeManifest } from '../../runs/store';
import type { RunHandle } from '../../runs/supervisor';
import type { TrainerCommand } from '../../runs/trainerCommand';
import { UserError } from '../../shared/userError';
import { makeStoreFolder } from '../../system/storeFolder';
import { STORE_FOLDER } from '../../system/storeName';

/** Starts the trainer on a run's folder. */
export type StartTrainer = (
  folder: string,
  changes: Pick<TrainerCommand, 'threads' | 'stopWithParent'>,
) => RunHandle;

/** The recipe under trial. */
export interface Tried {
  readonly recipe: Recipe;
  /** Absolute path of its experiment file. The recipe's paths are relative to it. */
  readonly experimentFile: string;
}

export interface TrialOptions {
  /** The folder with the store. */
  readonly root: string;
  readonly start: StartTrainer;
  /** Per run; undefined leaves it to the trainer. */
  readonly threads?: number | undefined;
  /** Steps to time, after the slow ones at the start. */
  readonly steps?: number;
  /** Aborts the trial, which throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Results of one run of a trial. */
export interface Trial {
  readonly started: EngineStartedEvent;
  /** The timed steps. */
  readonly steps: readonly StepEvent[];
  /** Peak memory of its process; null if the system does not report it. */
  readonly peakBytes: number | null;
}

/** Slow steps at the start of a run, while kernels compile and memory is allocated. */
const WARMUP_STEPS = 2;

/** Minimum timing duration for fast steps, because logs have their times in milliseconds. */
const LEAST_SECONDS = 0.5;

/** Default number of timed steps. */
const TIMED_STEPS = 10;

/**
 * Trains `count` runs of a recipe side by side for a few steps and deletes them. Returns only steps during which all of
 * them trained. Returns no steps if the training is too short for that.
 *
 * @throws UserError if the recipe cannot be trained; the signal's reason
 */
export async function tryOut(
  { recipe, experimentFile }: Tried,
  count: number,
  { root, start, threads, steps = TIMED_STEPS, signal }: TrialOptions,
): Promise<readonly Trial[]> {
  const parent = join(root, STORE_FOLDER, 'probes');
  await makeStoreFolder(root, parent);
  await sweep(parent);
  const runs: TrialRun[] = [];
  try {
    for (let index = 0; index < count; index++) {
      signal?.throwIfAborted();
      const folder = join(parent, randomUUID());
      await mkdir(folder);
      await writeManifest(folder, {
        ...{ version: MANIFEST_VERSION, id: folder, name: recipe.name, createdAt: Date.now(), endedAt: null },
        ...{ experiment: { file: experimentFile, text: '' }, recipe, engine: null, versions: {} },
        state: { status: 'queued' },
      });
      // Nobody would stop a trial that outlives this process.
      const changes = { stopWithParent: true, runsPerGpu: count, ...(threads !== undefined && { threads }) };
      runs.push(new TrialRun(folder, start(folder, changes)));
    }
    await allTimed(runs, steps, signal);
    const trials = await Promise.all(runs.map((run) => run.end()));
    return trials.map((trial) => ({ ...trial, steps: stepsOf(trial, trials) }));
  } finally {
    for (const run of runs) await run.remove();
  }
}

/** Returns the combined images per second of a trial's runs; null if too few steps were timed. */
export function imagesPerSecond(trials: readonly Trial[], { data, gradients }: Recipe): number | null {
  let sum = 0;
  for (const { steps } of trials) {
    const seconds = stepSeconds(steps);
    if (seconds === null) return null;
    sum += (data.batchSize * gradients.accumulation) / seconds;
  }
  return sum;
}

/** Returns the average seconds between the ends of consecutive steps; null if there are too few steps. */
export function stepSeconds(steps: readonly StepEvent[]): number | null {
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last || last.time <= first.time) return null;
  return (last.time - first.time) / 1000 / (steps.length - 1);
}

/** Returns a run's steps that ended while all other runs trained too. Skips the first few. */
function stepsOf(
  { steps }: Pick<Trial, 'steps'>,
  all: readonly Pick<Trial, 'steps'>[],
): readonly StepEvent[] {
  const from = Math.max(...all.map((each) => each.steps[WARMUP_STEPS - 1]?.time ?? Number.POSITIVE_INFINITY));
  const to = Math.min(...all.map((each) => each.steps.at(-1)?.time ?? Number.NEGATIVE_INFINITY));
  return steps.slice(WARMUP_STEPS - 1).filter(({ time }) => time >= from && time <= to);
}

/** Resolves when each run has timed enough steps, or one of them has ended. */
async function allTimed(
  runs: readonly TrialRun[],
  steps: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let abort = () => {};
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      const from = slowestStart(runs);
      const areTimed = runs.every(
        (run) => run.timedAfter(from) >= steps && run.secondsAfter(from) >= LEAST_SECONDS,
      );
      if (areTimed) resolve();
    };
    for (const run of runs) {
      run.onEvents = look;
      run.handle.exited.then(() => resolve(), reject);
    }
    abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  }).finally(() => signal?.removeEventListener('abort', abort));
}

/** Returns when the last run finished its untimed steps. */
function slowestStart(runs: readonly TrialRun[]): number {
  return Math.max(...runs.map((run) => run.warmAt));
}

/**
 * Age after which a folder without a trainer counts as left over. A younger one may belong to a trial that is about to
 * start.
 */
const LEFT_AFTER_MS = 3600_000;

/** Removes leftovers of processes that were killed during a trial. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const folder = join(parent, name);
    const changedAt = await lstat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (Date.now() - changedAt < LEFT_AFTER_MS) continue;
    const lease = await readLease(folder);
    if (lease && (await livenessOf(lease)) !== 'gone') continue;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

class TrialRun {
  onEvents: () => void = () => {};
  #started: EngineStartedEvent | null = null;
  #failed: Extract<RunEvent, { type: 'failed' }> | null = null;
  readonly #steps: StepEvent[] = [];
  #isOver = false;

  constructor(
    readonly folder: string,
    readonly handle: RunHandle,
  ) {
    handle.on('events', ({ events }) => {
      for (const event of events) {
        if (event.type === 'started') this.#started = isEngineStart(event) ? event : null;
        else if (event.type === 'step') this.#steps.push(event);
        else if (event.type === 'failed') this.#failed = event;
      }
      this.onEvents();
    });
  }

  get warmAt(): number {
    return this.#steps[WARMUP_STEPS - 1]?.time ?? Number.POSITIVE_INFINITY;
  }

  timedAfter(time: number): number {
    return this.#steps.filter((step) => step.time > time).length;
  }

  secondsAfter(time: number): number {
    return ((this.#steps.at(-1)?.time ?? time) - time) / 1000;
  }

  /** @throws UserError if it failed */
  async end(): Promise<Trial> {
    const peakBytes = this.handle.pid === null ? null : await peakMemory(this.handle.pid);
    this.#isOver = true;
    const end = await this.handle.kill();
    if (end.status === 'failed' && !this.#started) throw new UserError(end.failure);
    // A diverged run still shows its speed.
    if (this.#failed && this.#failed.failure.kind !== 'diverged') throw new UserError(this.#failed.failure);
    if (!this.#started) throw new Error(`The trial in ${this.folder} did not start`);
    return { started: this.#started, steps: this.#steps, peakBytes };
  }

  async remove(): Promise<void> {
    if (!this.#isOver) await this.handle.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Returns a process's peak memory in bytes (proc(5), VmHWM); null on other systems, or if the process has ended. */
async function peakMemory(pid: number): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : 1024 * Number(kilobytes);
}
