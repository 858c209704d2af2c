import { EventEmitter } from 'node:events';
import { assertStoreAllowed } from '../system/storeConsent';
import { watchStore } from './feed/storeWatch';
import { livenessOf, readLease } from './lease/lease';
import { isOwnRun } from './origin';
import { type QueuedRun, queueAmong, requeueCrashed, termsOf } from './queue';
import { listRuns, type RunEntry } from './store';
import type { RunEnd, RunHandle } from './supervisor';
import type { TrainerCommand } from './trainerCommand';

/** How a queue is worked through. */
export interface QueueOptions {
  /** Runs that train at the same time, counting those that others started. */
  readonly atOnce: number;
  /** How many crashes of a run's trainer are forgiven. */
  readonly retries: number;
  /** Whether a run is this worker's to start; by default all are. */
  readonly takes?: (run: QueuedRun) => boolean;
}

/** How long `drained` waits where other programs train. */
const POLL_MS = 500;

/** How often the store is read without a change where a run waits: a trainer that was killed notifies nobody. */
const REREAD_MS = 10_000;

interface WorkerEvents {
  /** A run's turn has come. */
  started: [run: { readonly id: string; readonly folder: string; readonly handle: RunHandle }];
  ended: [run: { readonly id: string; readonly folder: string; readonly end: RunEnd }];
  /** It cannot be told yet whether somebody trains this run; it counts as trained until its heartbeat stood still. */
  uncertain: [run: { readonly id: string }];
  /** A run's turn has come that came with its folder: it is left until its person takes it on. Told once. */
  foreign: [run: QueuedRun];
  error: [error: unknown];
}

/**
 * Starts the runs of a store's queue, in turn. Any number of processes may work through one queue: each takes the
 * first run that waits, and of those that take one run all but one find it taken.
 */
export class QueueWorker extends EventEmitter<WorkerEvents> {
  /** By the run's folder. */
  readonly #handles = new Map<string, RunHandle>();
  /** Ended, though the store still calls them queued: what cannot be written is not tried forever. */
  readonly #ended = new Set<string>();
  /** Folders of runs that a person was told of, which came with their folder. */
  readonly #foreign = new Set<string>();
  readonly #unwatch: () => void;
  #readAt = Number.NEGATIVE_INFINITY;
  #working: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #closed = false;
  #waitsForMore = false;
  /** Whether any run is queued, with a place or before it has one. */
  #anyQueued = false;
  /** Runs of which it cannot be told whether somebody trains them. */
  #uncertain: ReadonlySet<string> = new Set();

  /** @param start starts the trainer of a run, with these changes to how it is done */
  constructor(
    readonly root: string,
    private readonly options: () => QueueOptions,
    private readonly start: (
      folder: string,
      changes: Pick<TrainerCommand, 'requeue' | 'threads'>,
    ) => RunHandle,
  ) {
    super();
    this.#unwatch = watchStore(root, (hasChanged) => this.#look(hasChanged));
    this.wake();
  }

  /** The runs that were started from here and have not ended, by their folders. */
  get handles(): ReadonlyMap<string, RunHandle> {
    return this.#handles;
  }

  /** Resolves once nothing waits and nothing that was started here trains. */
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

  /** Reads the queue and starts what can be started; many calls make one reading. */
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

  /** Starts no more; what trains goes on. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
  }

  #look(hasChanged: boolean): void {
    // A heartbeat that is looked at often is soon known to move, or to stand still.
    const mustReread =
      this.#uncertain.size > 0 || (this.#anyQueued && performance.now() - this.#readAt > REREAD_MS);
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
    const training = waiting.length > 0 ? await Promise.all([...busy].map(termsOf)) : [];
    for (let next = waiting[0]; next && !this.#closed; next = waiting[0]) {
      // Its own limit, and that of each run which others would slow down.
      const limits = training.map((terms) => terms.atOnce ?? Number.POSITIVE_INFINITY);
      if (training.length >= Math.min(next.terms.atOnce ?? atOnce, ...limits)) break;
      waiting.shift();
      training.push(next.terms);
      this.#begin(next);
    }
    this.#waitsForMore = waiting.length > 0;
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

  #begin({ id, folder, terms }: QueuedRun): void {
    const handle = this.start(folder, {
      ...(terms.threads !== undefined && { threads: terms.threads }),
      requeue: (crashed) => requeueCrashed(crashed, this.options().retries),
    });
    this.#handles.set(folder, handle);
    this.emit('started', { id, folder, handle });
    void handle.exited.then((end) => {
      this.#handles.delete(folder);
      if (end.status !== 'queued') this.#ended.add(folder);
      this.emit('ended', { id, folder, end });
      this.wake();
    });
  }
}

/** The runs that a process trains, or may train. */
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
