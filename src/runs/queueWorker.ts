import { EventEmitter } from 'node:events';
import type { AnyRecipe } from '../recipe/anyRecipe';
import { assertStoreAllowed } from '../system/storeConsent';
import { watchStore } from './feed/storeWatch';
import { gpuQueue } from './gpus/queueSlots';
import { livenessOf, readLease } from './lease/lease';
import { isOwnRun } from './origin';
import { type QueuedRun, queueAmong, requeueCrashed, termsOf } from './queue';
import { listRuns, type ReadableEntry, type RunEntry } from './store';
import type { RunEnd, RunHandle } from './supervisor';
import type { TrainerCommand } from './trainerCommand';

/** How to work through a queue. */
export interface QueueOptions {
  /**
   * Maximum number of concurrent runs, including those started by other processes. For runs that a command trains on a
   * GPU, the maximum per GPU.
   */
  readonly atOnce: number;
  /** Number of trainer crashes to retry per run. */
  readonly retries: number;
  /** Whether this worker may start a run. By default, it may start all. */
  readonly takes?: (run: QueuedRun) => boolean;
}

/** Polling interval of `drained` while other processes train. */
const POLL_MS = 500;

/** Polling interval while a run is queued: a trainer that was killed notifies nobody. */
const REREAD_MS = 10_000;

/** Polling interval while a run waits for a GPU, which processes of other stores use. */
const GPU_REREAD_MS = 1000;

interface WorkerEvents {
  /** A run was started. */
  started: [run: { readonly id: string; readonly folder: string; readonly handle: RunHandle }];
  ended: [
    run: { readonly id: string; readonly folder: string; readonly recipe: AnyRecipe; readonly end: RunEnd },
  ];
  /**
   * It is not yet clear whether someone trains this run. It counts as training until its heartbeat has stood still long
   * enough.
   */
  uncertain: [run: { readonly id: string }];
  /** The next run came with its folder. It is not started until the user accepts it. Emitted once per run. */
  foreign: [run: QueuedRun];
  /** The runs that wait for a free GPU are others than before, next one first. */
  waitingForGpu: [runs: readonly QueuedRun[]];
  error: [error: unknown];
}

/**
 * Starts the runs of a store's queue in order. Any number of processes may work through the same queue. Each claims the
 * first queued run. If several claim the same run, all but one find that it is taken.
 */
export class QueueWorker extends EventEmitter<WorkerEvents> {
  /** By the run's folder. */
  readonly #handles = new Map<string, RunHandle>();
  /** Runs that have ended but are still queued in the store. A run with an unwritable state is not retried forever. */
  readonly #ended = new Set<string>();
  /** Folders of runs that came with their folder and were already reported. */
  readonly #foreign = new Set<string>();
  readonly #unwatch: () => void;
  #readAt = Number.NEGATIVE_INFINITY;
  #working: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #closed = false;
  #waitsForMore = false;
  /** Whether any run is queued, even without a place yet. */
  #anyQueued = false;
  /** Runs for which it is unclear whether someone trains them. */
  #uncertain: ReadonlySet<string> = new Set();
  /** Folders of the runs that wait for a free GPU. */
  #waitingForGpu: ReadonlySet<string> = new Set();

  /** @param start starts a run's trainer, with these changes to its options */
  constructor(
    readonly root: string,
    private readonly options: () => QueueOptions,
    private readonly start: (
      folder: string,
      changes: Pick<TrainerCommand, 'requeue' | 'threads' | 'runsPerGpu'>,
    ) => RunHandle,
  ) {
    super();
    this.#unwatch = watchStore(root, (hasChanged) => this.#look(hasChanged));
    this.wake();
  }

  /** The unfinished runs started here, by folder. */
  get handles(): ReadonlyMap<string, RunHandle> {
    return this.#handles;
  }

  /** Folders of the runs that wait for a free GPU. */
  get waitingForGpu(): ReadonlySet<string> {
    return this.#waitingForGpu;
  }

  /** Resolves when nothing is queued and nothing that was started here is training. */
  async drained(): Promise<void> {
    for (;;) {
      this.wake();
      await this.#working;
      const [first] = this.#handles.values();
      if (first) await first.exited;
      else if (!this.#waitsForMore || this.#closed) return;
      else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Reads the queue and starts what can start. Coalesces many calls into one read. */
  wake(): void {
    if (this.#closed || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#working = this.#working.then(async () => {
      this.#isWaiting = false;
      try {
        await this.#work();
      } catch (error) {
        if (this.listenerCount('error') > 0) this.emit('error', error);
      }
    });
  }

  /** Starts no more runs. Training continues. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
  }

  #look(hasChanged: boolean): void {
    // Frequent looks at a heartbeat soon show whether it moves or stands still.
    const rereadMs = this.#waitingForGpu.size > 0 ? GPU_REREAD_MS : REREAD_MS;
    const mustReread =
      this.#uncertain.size > 0 || (this.#anyQueued && performance.now() - this.#readAt > rereadMs);
    if (hasChanged || mustReread) this.wake();
  }

  async #work(): Promise<void> {
    this.#readAt = performance.now();
    await assertStoreAllowed(this.root);
    const runs = await listRuns(this.root);
    this.#anyQueued = runs.some((run) => run.kind === 'run' && run.manifest.state.status === 'queued');
    const queue = await queueAmong(runs);
    const queued = new Set(queue.map(({ folder }) => folder));
    for (const folder of this.#ended) if (!queued.has(folder)) this.#ended.delete(folder);
    const held = await heldAmong(runs);
    const busy = new Set([...held.map(({ folder }) => folder), ...this.#handles.keys()]);
    this.#noteUncertain(held.flatMap(({ id, isUncertain }) => (isUncertain ? [id] : [])));
    const { atOnce, takes = () => true } = this.options();
    const unstarted = queue.filter(
      (run) => takes(run) && !busy.has(run.folder) && !this.#ended.has(run.folder),
    );
    const waiting: QueuedRun[] = [];
    for (const run of unstarted) {
      if (await isOwnRun(run)) waiting.push(run);
      else this.#tellForeign(run);
    }
    const inTraining = runs.filter(isReadable).filter(({ folder }) => busy.has(folder));
    const gpus = await gpuQueue(waiting, inTraining, atOnce);
    for (const run of gpus.starting) if (!this.#closed) this.#begin(run);
    this.#noteGpus(gpus.waiting);
    const others = [...gpus.others];
    const rivals = [...busy].filter((folder) => !gpus.busy.has(folder));
    const training = others.length > 0 ? await Promise.all(rivals.map(termsOf)) : [];
    for (let next = others[0]; next && !this.#closed; next = others[0]) {
      // Respect the run's own limit and the limits of all runs in training, which it would slow down.
      const limits = training.map((terms) => terms.atOnce ?? Number.POSITIVE_INFINITY);
      if (training.length >= Math.min(next.terms.atOnce ?? atOnce, ...limits)) break;
      others.shift();
      training.push(next.terms);
      this.#begin(next);
    }
    this.#waitsForMore = others.length > 0 || gpus.waiting.length > 0;
  }

  #noteGpus(waiting: readonly QueuedRun[]): void {
    const before = [...this.#waitingForGpu].join('\n');
    this.#waitingForGpu = new Set(waiting.map(({ folder }) => folder));
    if ([...this.#waitingForGpu].join('\n') !== before) this.emit('waitingForGpu', waiting);
  }

  #noteUncertain(ids: readonly string[]): void {
    const before = this.#uncertain;
    this.#uncertain = new Set(ids);
    for (const id of ids) if (!before.has(id)) this.emit('uncertain', { id });
  }

  #tellForeign(run: QueuedRun): void {
    if (this.#foreign.has(run.folder)) return;
    this.#foreign.add(run.folder);
    this.emit('foreign', run);
  }

  #begin({ id, folder, manifest: { recipe }, terms }: QueuedRun): void {
    const handle = this.start(folder, {
      ...(terms.threads !== undefined && { threads: terms.threads }),
      runsPerGpu: terms.atOnce ?? this.options().atOnce,
      requeue: (crashed) => requeueCrashed(crashed, this.options().retries),
    });
    this.#handles.set(folder, handle);
    this.emit('started', { id, folder, handle });
    void handle.exited.then((end) => {
      this.#handles.delete(folder);
      if (end.status !== 'queued') this.#ended.add(folder);
      this.emit('ended', { id, folder, recipe, end });
      this.wake();
    });
  }
}

/** The runs that a process trains or may train. */
async function heldAmong(
  runs: readonly RunEntry[],
): Promise<{ readonly id: string; readonly folder: string; readonly isUncertain: boolean }[]> {
  const held = await Promise.all(
    runs.map(async (run) => {
      if (run.kind !== 'run') return [];
      const { id, folder, isUncertain = false } = run;
      const { status } = run.manifest.state;
      if (status === 'running') return [{ id, folder, isUncertain }];
      if (status !== 'queued') return [];
      const lease = await readLease(folder);
      const liveness = lease ? await livenessOf(lease) : 'gone';
      return liveness === 'gone' ? [] : [{ id, folder, isUncertain: liveness === 'unknown' }];
    }),
  );
  return held.flat();
}

function isReadable(run: RunEntry): run is ReadableEntry {
  return run.kind === 'run';
}
