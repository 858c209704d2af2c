/**
 * Follows runs for all subscribers. Each process follows a run's folder once, however many subscribers there are, and
 * only while there is one. A feed never writes.
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
import { ownNamePath } from '../upkeep/ownName';
import { type Detail, type Feed, FeedSubscription, type RunUpdate, strideOf } from './feedSubscription';
import { type FollowedRun, followedRun, isSameRun } from './followedRun';
import { Gate } from './gate';
import { readLogEnd } from './logEnd';
import { LogReader } from './logReader';
import { RawSubscription } from './rawSubscription';

/** Changes within this time are merged into one update. */
const MERGE_MS = 50;

/** Pause between two reads, so that a fast trainer costs its readers little. */
const READ_GAP_MS = 50;

/** Polling interval for changes that the file system does not report. */
const POLL_MS = 1000;

/** Runs to read concurrently: enough to keep a disk busy, few enough for a low limit on open files. */
const READ_AT_ONCE = 16;

/** How a process follows runs. */
export interface FeedOptions {
  /** Whether to use file system events. Without them, as on NFS, only polling finds changes. */
  readonly isWatching?: boolean;
  readonly pollMs?: number;
  readonly heartbeats?: HeartbeatWatch;
}

/** The feeds of a process, one per run folder. */
export class RunFeeds {
  readonly #feeds = new Map<string, RunFeed>();
  readonly #gate = new Gate(READ_AT_ONCE);
  #poll: NodeJS.Timeout | null = null;

  constructor(private readonly options: FeedOptions = {}) {}

  /** Number of runs being followed. */
  get size(): number {
    return this.#feeds.size;
  }

  /**
   * Follows a run. `onUpdate` receives a snapshot, then deltas. While the promise it returned is pending, it receives
   * nothing. After that, it receives everything missed as one update.
   *
   * @param detail the required detail of the log. A feed reads as much as its most demanding subscriber needs.
   * @param onError receives the error if the run cannot be read. The feed continues.
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
   * Delivers every event of a run's log from a position on, in file order. Includes events that a resumed trainer
   * repeats, but none of a void attempt. If the log is a different file or has become shorter, starts from its
   * beginning.
   *
   * @param onEvents reading pauses while the promise it returned is pending
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

/** The feeds of this process. */
export const feeds = new RunFeeds();

/** Follows one run's folder for its subscribers. */
class RunFeed implements Feed {
  readonly #subscriptions = new Set<FeedSubscription>();
  readonly #raw = new Set<RawSubscription>();
  #entry: RunEntry | null = null;
  /** The identity of run.json on disk when it was last read. */
  #manifestFile = '';
  #reader: LogReader;
  #log: LogStanding = new LogStanding();
  /** Counts reads of the log from its start. Updates from an earlier read are void. */
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

  /** Null before the first read. */
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

  /** Reads the current state of the folder, updates all ready subscribers, and resolves to the state. */
  async refresh(): Promise<FollowedRun | null> {
    this.#working = this.#working.then(() => {
      this.#wantsManifest = true;
      return this.gate.run(() => this.#work());
    });
    await this.#working;
    this.#flush();
    return this.#run;
  }

  /**
   * Accepts a final state from a process that waited for the run, which may know it even if a full disk prevented
   * writing it. Valid until the run changes again.
   */
  tell(state: FinalState): void {
    this.#told = state;
    this.#review();
    this.#flush();
  }

  /** Checks for changes. For a run without a trainer, checks only its manifest file. */
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

  /** Schedules updates of all ready subscribers. */
  flushSoon(): void {
    this.#merging ??= setTimeout(() => {
      this.#merging = null;
      this.#flush();
    }, MERGE_MS).unref();
  }

  /** Whether a trainer may be running, or has not recorded its end yet. */
  get #isLive(): boolean {
    if (this.#told) return false;
    const isRunning = (run: RunEntry | null) =>
      run?.kind === 'run' && run.manifest.state.status === 'running';
    return this.#raw.size > 0 || isRunning(this.#entry) || isRunning(this.#run);
  }

  /** Coalesces many requests into one read. */
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
      // The manifest will also report a run's end or a new trainer, sooner or later.
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
    // Get the identity before reading, so that a change during the read is noticed.
    const file = await manifestFileOf(this.folder);
    const entry = await readRun(this.folder, this.options.heartbeats ?? heartbeats);
    const isChanged = file !== this.#manifestFile;
    this.#manifestFile = file;
    if (isChanged && this.#entry) this.#told = null;
    // Reuse the parts of an unchanged manifest, so that comparing them is instant.
    this.#entry = isChanged ? entry : (withPartsOf(entry, this.#entry) ?? entry);
  }

  get #isAheadOfManifest(): boolean {
    if (this.#entry?.kind !== 'run') return false;
    const { state, attempt = 0 } = this.#entry.manifest;
    return this.#log.attempt > attempt || (this.#log.final !== null && !isFinalState(state));
  }

  /** Reads new log lines. Starts again from the log's start or end if the required detail has changed. */
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
      // If the folder disappears or the machine runs out of watches, polling remains.
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

/** The identity of run.json, and of the run's own name file next to it: inodes, sizes and modification times. */
async function manifestFileOf(folder: string): Promise<string> {
  const files = [manifestPath(folder), ownNamePath(folder)].map((path) =>
    lstat(path, { bigint: true }).then(
      ({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`,
      () => '',
    ),
  );
  return (await Promise.all(files)).join(' ');
}

function withPartsOf(entry: RunEntry, before: RunEntry | null): RunEntry | null {
  if (entry.kind !== 'run' || before?.kind !== 'run') return null;
  const { recipe, experiment } = before.manifest;
  return { ...entry, manifest: { ...entry.manifest, recipe, experiment } };
}
