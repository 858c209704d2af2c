/** Short trials of a recipe, for what only the machine knows: how long a step takes, and how many runs it does best at a time. */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../../protocol/events';
import { MANIFEST_VERSION } from '../../protocol/manifest';
import type { StartedEvent, StepEvent } from '../../protocol/standing';
import type { Recipe } from '../../recipe/recipe';
import { livenessOf, readLease } from '../../runs/lease/lease';
import { writeManifest } from '../../runs/store';
import type { RunHandle } from '../../runs/supervisor';
import type { TrainerCommand } from '../../runs/trainerCommand';
import { UserError } from '../../shared/userError';
import { makeStoreFolder } from '../../system/storeFolder';
import { STORE_FOLDER } from '../../system/storeName';

/** Starts the trainer of a run's folder. */
export type StartTrainer = (
  folder: string,
  changes: Pick<TrainerCommand, 'threads' | 'stopWithParent'>,
) => RunHandle;

/** What is tried: a recipe, as one runs it. */
export interface Tried {
  readonly recipe: Recipe;
  /** Its experiment's file, absolute, from which the recipe's paths start. */
  readonly experimentFile: string;
}

export interface TrialOptions {
  /** The folder that has the store. */
  readonly root: string;
  readonly start: StartTrainer;
  /** Of each run; undefined leaves it to the trainer. */
  readonly threads?: number | undefined;
  /** Steps to time, after those at the start that are slower than all others. */
  readonly steps?: number;
  /** Ends the trial; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** What one run of a trial showed. */
export interface Trial {
  readonly started: StartedEvent;
  /** Those that were timed. */
  readonly steps: readonly StepEvent[];
  /** The most memory that its process has held; null where the system does not tell. */
  readonly peakBytes: number | null;
}

/** Steps at the start of a run that are slower: kernels are compiled, memory is taken. */
const WARMUP_STEPS = 2;

/** Fast steps are timed for so long at least: a log has their times in milliseconds. */
const LEAST_SECONDS = 0.5;

/** Steps that are timed where nobody says. */
const TIMED_STEPS = 10;

/**
 * Trains `count` runs of a recipe side by side for a few steps, and leaves nothing of them. Steps are those that all of them
 * trained at the same time; of a training that is too short for that, none.
 *
 * @throws UserError where the recipe cannot be trained; the signal's reason
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
      // Nobody would end it that outlives this process.
      const changes = { stopWithParent: true, ...(threads !== undefined && { threads }) };
      runs.push(new TrialRun(folder, start(folder, changes)));
    }
    await allTimed(runs, steps, signal);
    const trials = await Promise.all(runs.map((run) => run.end()));
    return trials.map((trial) => ({ ...trial, steps: stepsOf(trial, trials) }));
  } finally {
    for (const run of runs) await run.remove();
  }
}

/** Images a second of all runs of a trial together; null where it timed too few steps. */
export function imagesPerSecond(trials: readonly Trial[], { data, gradients }: Recipe): number | null {
  let sum = 0;
  for (const { steps } of trials) {
    const seconds = stepSeconds(steps);
    if (seconds === null) return null;
    sum += (data.batchSize * gradients.accumulation) / seconds;
  }
  return sum;
}

/** Seconds from the end of a step to that of the next, on average; null of too few steps. */
export function stepSeconds(steps: readonly StepEvent[]): number | null {
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last || last.time <= first.time) return null;
  return (last.time - first.time) / 1000 / (steps.length - 1);
}

/** Those of a run's steps, the first few left out, that ended while all others trained as well. */
function stepsOf(
  { steps }: Pick<Trial, 'steps'>,
  all: readonly Pick<Trial, 'steps'>[],
): readonly StepEvent[] {
  const from = Math.max(...all.map((each) => each.steps[WARMUP_STEPS - 1]?.time ?? Number.POSITIVE_INFINITY));
  const to = Math.min(...all.map((each) => each.steps.at(-1)?.time ?? Number.NEGATIVE_INFINITY));
  return steps.slice(WARMUP_STEPS - 1).filter(({ time }) => time >= from && time <= to);
}

/** Resolves once each run has timed as many steps, or one of them is over. */
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

/** When the last of them had done the steps that are not timed. */
function slowestStart(runs: readonly TrialRun[]): number {
  return Math.max(...runs.map((run) => run.warmAt));
}

/** A folder that nobody trains is a trial's that is about to start, or one that was left. */
const LEFT_AFTER_MS = 3600_000;

/** Removes what processes left that were killed during a trial. */
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
  #started: StartedEvent | null = null;
  #failed: Extract<RunEvent, { type: 'failed' }> | null = null;
  readonly #steps: StepEvent[] = [];
  #isOver = false;

  constructor(
    readonly folder: string,
    readonly handle: RunHandle,
  ) {
    handle.on('events', ({ events }) => {
      for (const event of events) {
        if (event.type === 'started') this.#started = event;
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

  /** @throws UserError where it failed */
  async end(): Promise<Trial> {
    const peakBytes = this.handle.pid === null ? null : await peakMemory(this.handle.pid);
    this.#isOver = true;
    const end = await this.handle.kill();
    if (end.status === 'failed' && !this.#started) throw new UserError(end.failure);
    // One that diverged has shown how fast it is.
    if (this.#failed && this.#failed.failure.kind !== 'diverged') throw new UserError(this.#failed.failure);
    if (!this.#started) throw new Error(`The trial in ${this.folder} did not start`);
    return { started: this.#started, steps: this.#steps, peakBytes };
  }

  async remove(): Promise<void> {
    if (!this.#isOver) await this.handle.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The most memory that a process has held, in bytes (proc(5), VmHWM); null on other systems, or where it is gone. */
async function peakMemory(pid: number): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : 1024 * Number(kilobytes);
}
