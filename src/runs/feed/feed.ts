/**
 * What becomes of a run, for all who want to know. Each process follows a run's folder once, however many watch it, and
 * no longer than somebody does. A feed never writes.
 */
import { type FSWatcher, watch } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventFold, RunFold } from '../../protocol/fold';
import type { FinalState } from '../../protocol/manifest';
import { LogStanding } from '../../protocol/standing';
import { isFinalState } from '../../protocol/state';
import { foldedPath } from '../../system/samePath';
import { type HeartbeatWatch, heartbeats } from '../lease/heartbeats';
import type { Position } from '../logParser';
import { manifestPath, metricsPath, type RunEntry, readRun } from '../store';
import { type Detail, type Feed, FeedSubscription, type RunUpdate, strideOf } from './feedSubscription';
import { type FollowedRun, followedRun, isSameRun } from './followedRun';
import { Gate } from './gate';
import { readLogEnd } from './logEnd';
import { LogReader } from './logReader';
import { RawSubscription } from './rawSubscription';

/** Changes within this time are told as one. */
const MERGE_MS = 50;

/** Rest between two readings, so that a fast trainer costs its readers little. */
const READ_GAP_MS = 50;

/** How often what is followed is looked at where nothing tells of a change. */
const POLL_MS = 1000;

/** Runs read at a time: enough to keep a disk busy, few enough for a small limit on open files. */
const READ_AT_ONCE = 16;

/** How a process follows runs. */
export interface FeedOptions {
  /** Whether the file system's own events are used; without them, as on NFS, changes are seen by polling alone. */
  readonly isWatching?: boolean;
  readonly pollMs?: number;
  readonly heartbeats?: HeartbeatWatch;
}

/** The feeds of a process, one a run's folder. */
export class RunFeeds {
  readonly #feeds = new Map<string, RunFeed>();
  readonly #gate = new Gate(READ_AT_ONCE);
  #poll: NodeJS.Timeout | null = null;

  constructor(private readonly options: FeedOptions = {}) {}

  /** How many runs are followed. */
  get size(): number {
    return this.#feeds.size;
  }

  /**
   * Follows a run: `onUpdate` gets a snapshot of it, then what changes. While a promise of its is open it gets nothing, and
   * then all that came meanwhile as one update.
   *
   * @param detail what of the log is wanted; a feed reads as much as the most demanding one wants
   * @param onError told what keeps the run from being read; the feed goes on
   */
  subscribe(
    folder: string,
    detail: Detail,
    onUpdate: (update: RunUpdate) => void | Promise<void>,
    onError: (error: unknown) => void = () => {},
  ): FeedSubscription {
    const feed = this.#feedOf(folder);
    const subscription = new FeedSubscription(feed, detail, onUpdate, onError);
    feed.add(subscription);
    return subscription;
  }

  /**
   * Gives every event of a run's log from a position on, in the order of the file: also those that a resumed trainer does
   * again, but none of an attempt that is void. Where the log is another file or shorter, it comes from the start.
   *
   * @param onEvents while a promise of its is open, no more is read
   */
  subscribeRaw(
    folder: string,
    from: Position,
    onEvents: ConstructorParameters<typeof RawSubscription>[2],
    onError: (error: unknown) => void = () => {},
  ): RawSubscription {
    const feed = this.#feedOf(folder);
    const subscription = new RawSubscription(feed, from, onEvents, onError);
    feed.add(subscription);
    return subscription;
  }

  #feedOf(folder: string): RunFeed {
    const key = foldedPath(folder);
    const known = this.#feeds.get(key);
    if (known) return known;
    const feed = new RunFeed(resolve(folder), this.options, this.#gate, () => this.#drop(key));
    this.#feeds.set(key, feed);
    this.#poll ??= setInterval(() => {
      for (const each of this.#feeds.values()) each.poll();
    }, this.options.pollMs ?? POLL_MS).unref();
    return feed;
  }

  #drop(key: string): void {
    this.#feeds.delete(key);
    if (this.#feeds.size > 0 || !this.#poll) return;
    clearInterval(this.#poll);
    this.#poll = null;
  }
}

/** Those of this process. */
export const feeds = new RunFeeds();

/** One run's folder, as it is followed for its subscribers. */
class RunFeed implements Feed {
  readonly #subscriptions = new Set<FeedSubscription>();
  readonly #raw = new Set<RawSubscription>();
  #entry: RunEntry | null = null;
  /** How run.json lay on the disk when it was last read. */
  #manifestFile = '';
  #reader: LogReader;
  #log: LogStanding = new LogStanding();
  /** Each reading of the log from its start has a number; what was told of an earlier one is void. */
  #reading = 0;
  #stride: ReturnType<typeof strideOf> | null = null;
  #told: FinalState | null = null;
  #run: FollowedRun | null = null;
  #watcher: FSWatcher | null = null;
  #merging: NodeJS.Timeout | null = null;
  #working: Promise<void> = Promise.resolve();
  #workedAt = Number.NEGATIVE_INFINITY;
  #isAsked = false;
  #wantsManifest = true;
  #isPolling = false;
  #isClosed = false;

  constructor(
    readonly folder: string,
    private readonly options: FeedOptions,
    private readonly gate: Gate,
    private readonly onClose: () => void,
  ) {
    this.#reader = new LogReader(metricsPath(folder));
  }

  /** Null before the first reading. */
  get run(): FollowedRun | null {
    return this.#run;
  }

  get reading(): number {
    return this.#reading;
  }

  get fold(): RunFold | null {
    return this.#log instanceof RunFold ? this.#log : null;
  }

  add(subscription: FeedSubscription | RawSubscription): void {
    if (subscription instanceof RawSubscription) this.#raw.add(subscription);
    else this.#subscriptions.add(subscription);
    this.#ask();
  }

  /** The feed closes with its last subscriber. */
  remove(subscription: FeedSubscription | RawSubscription): void {
    if (subscription instanceof RawSubscription) this.#raw.delete(subscription);
    else this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size + this.#raw.size > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    if (this.#merging) clearTimeout(this.#merging);
    this.onClose();
  }

  /** The log has grown. */
  poke(): void {
    this.#ask();
  }

  /** Reads what the folder says by now, tells all who are ready, and resolves with it. */
  async refresh(): Promise<FollowedRun | null> {
    this.#working = this.#working.then(() => {
      this.#wantsManifest = true;
      return this.gate.run(() => this.#work());
    });
    await this.#working;
    this.#flush();
    return this.#run;
  }

  /** Takes in how a run ended from who waited for it, which may know what no disk could take; until it is changed again. */
  tell(state: FinalState): void {
    this.#told = state;
    this.#review();
    this.#flush();
  }

  /** Looks whether something changed; of a run that nobody trains, only at its manifest's file. */
  poll(): void {
    if (this.#isClosed || this.#isPolling || !this.#entry) return;
    if (this.#isLive) {
      this.#wantsManifest = true;
      this.#ask();
      return;
    }
    this.#isPolling = true;
    void this.gate
      .run(() => manifestFileOf(this.folder))
      .then((file) => {
        this.#isPolling = false;
        if (file === this.#manifestFile) return;
        this.#wantsManifest = true;
        this.#ask();
      });
  }

  /** Tells all who are ready what they do not have, soon. */
  flushSoon(): void {
    this.#merging ??= setTimeout(() => {
      this.#merging = null;
      this.#flush();
    }, MERGE_MS).unref();
  }

  /** Whether a trainer may be at work, or has not yet written down how it ended. */
  get #isLive(): boolean {
    if (this.#told) return false;
    const isRunning = (run: RunEntry | null) =>
      run?.kind === 'run' && run.manifest.state.status === 'running';
    return this.#raw.size > 0 || isRunning(this.#entry) || isRunning(this.#run);
  }

  /** Many asks make one reading. */
  #ask(): void {
    if (this.#isClosed || this.#isAsked) return;
    this.#isAsked = true;
    this.#working = this.#working.then(async () => {
      const restMs = this.#workedAt + READ_GAP_MS - performance.now();
      if (restMs > 0) await delay(restMs);
      this.#isAsked = false;
      if (!this.#isClosed) await this.gate.run(() => this.#work());
    });
  }

  async #work(): Promise<void> {
    try {
      if (this.#wantsManifest) await this.#readManifest();
      const hasGrown = await this.#readLog();
      // How the run ended, or that another trainer began, stands in the manifest too, sooner or later.
      if (hasGrown && this.#isAheadOfManifest) await this.#readManifest();
      if (hasGrown) this.flushSoon();
    } catch (error) {
      for (const each of [...this.#subscriptions, ...this.#raw]) each.onError(error);
    } finally {
      this.#workedAt = performance.now();
    }
    this.#review();
    for (const raw of this.#raw) raw.wake();
    if ([...this.#subscriptions].some((each) => each.isNew)) this.#flush();
  }

  async #readManifest(): Promise<void> {
    this.#wantsManifest = false;
    // Before the reading: what changes meanwhile is seen to have changed.
    const file = await manifestFileOf(this.folder);
    const entry = await readRun(this.folder, this.options.heartbeats ?? heartbeats);
    const isChanged = file !== this.#manifestFile;
    this.#manifestFile = file;
    if (isChanged && this.#entry) this.#told = null;
    // The parts of a manifest that was not written anew are the same objects, so that they compare at once.
    this.#entry = isChanged ? entry : (withPartsOf(entry, this.#entry) ?? entry);
  }

  get #isAheadOfManifest(): boolean {
    if (this.#entry?.kind !== 'run') return false;
    const { state, attempt = 0 } = this.#entry.manifest;
    return this.#log.attempt > attempt || (this.#log.final !== null && !isFinalState(state));
  }

  /** Reads on in the log; from its start, or its end, where more or less of it is wanted than before. */
  async #readLog(): Promise<boolean> {
    const stride = strideOf([...this.#subscriptions].map(({ detail }) => detail));
    let hasGrown = stride !== this.#stride;
    if (hasGrown) await this.#begin(stride);
    for await (const { batch, isAnew } of this.#reader.read()) {
      if (this.#isClosed) return false;
      if (isAnew) this.#startAnew();
      for (const event of batch.events) this.#log.take(event);
      this.#keepCursors();
      hasGrown ||= isAnew || batch.events.length > 0;
    }
    return hasGrown;
  }

  async #begin(stride: ReturnType<typeof strideOf>): Promise<void> {
    this.#stride = stride;
    this.#startAnew();
    if (stride === 'tail') {
      const { log, reader } = await readLogEnd(metricsPath(this.folder));
      this.#log = log;
      this.#reader = reader;
    } else {
      this.#reader = new LogReader(metricsPath(this.folder), stride);
    }
  }

  #startAnew(): void {
    this.#reading += 1;
    this.#log = this.#stride === 'tail' ? new LogStanding() : eventFold();
  }

  #keepCursors(): void {
    const kept = this.fold?.takeKept();
    if (kept) for (const subscription of this.#subscriptions) subscription.keep(kept);
  }

  #review(): void {
    if (!this.#entry) return;
    const run = followedRun(this.#entry, this.#log, this.#told);
    if (!this.#run || !isSameRun(this.#run, run)) {
      this.#run = run;
      this.flushSoon();
    }
    if (this.#isLive) this.#watch();
    else this.#unwatch();
  }

  #flush(): void {
    if (this.#merging) clearTimeout(this.#merging);
    this.#merging = null;
    for (const subscription of this.#subscriptions) subscription.send();
  }

  #watch(): void {
    if (this.#watcher || this.#isClosed || this.options.isWatching === false) return;
    try {
      this.#watcher = watch(this.folder, { persistent: false }, (_, name) => {
        this.#wantsManifest ||= name !== 'metrics.ndjson';
        this.#ask();
      });
      // A folder that goes away, or a machine out of watches, leaves the poll.
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      this.#watcher = null;
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

/** How run.json lies on the disk: its inode, its size and when it was changed. */
async function manifestFileOf(folder: string): Promise<string> {
  return lstat(manifestPath(folder), { bigint: true }).then(
    ({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`,
    () => '',
  );
}

function withPartsOf(entry: RunEntry, before: RunEntry | null): RunEntry | null {
  if (entry.kind !== 'run' || before?.kind !== 'run') return null;
  const { recipe, experiment } = before.manifest;
  return { ...entry, manifest: { ...entry.manifest, recipe, experiment } };
}
