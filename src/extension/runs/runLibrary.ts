import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { feeds } from '../../runs/feed/feed';
import type { FeedSubscription } from '../../runs/feed/feedSubscription';
import { type FollowedRun, NO_ACTIVITY } from '../../runs/feed/followedRun';
import { watchStore } from '../../runs/feed/storeWatch';
import { queueAmong } from '../../runs/queue';
import { markInterrupted } from '../../runs/stopping';
import { listRuns, type RunEntry } from '../../runs/store';
import { isSamePath } from '../../system/samePath';
import { isLive, isRunning, type KnownRun, type ReadableRun } from './liveRun';
import { Refreshing } from './refreshing';
import { StoreLinks } from './storeLinks';

/** Several changes within this time are told as one. */
const QUIET_MS = 100;

/** How often they are read without a change where a run waits: a trainer that was killed before it trained notifies nobody. */
const REREAD_MS = 10_000;

/** What the store of a root held when it was read. */
interface StoreReading {
  readonly root: string;
  readonly entries: readonly RunEntry[];
  /** Folders of the runs that wait, the next one first. */
  readonly queue: readonly string[];
}

/**
 * Every run in the stores of the open folders, whoever started it. Those that are trained are followed by their feeds.
 */
export class RunLibrary implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #ended = new vscode.EventEmitter<ReadableRun>();
  /** Something about the runs is different. */
  readonly onDidChange = this.#changed.event;
  /** A run that was live is so no more. */
  readonly onDidEnd = this.#ended.event;

  /** By folder, root by root, newest first. */
  #runs = new Map<string, KnownRun>();
  /** Folders of the runs that wait, root by root, the next one first. */
  #queue: readonly string[] = [];
  readonly #subscriptions = new Map<string, FeedSubscription>();
  /** By root, what ends the watch over its store. */
  readonly #watches = new Map<string, () => void>();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #links: StoreLinks;
  #telling: NodeJS.Timeout | null = null;
  readonly #refreshing = new Refreshing(() => this.#readStores());
  #disposed = false;

  /** @param roots the folders whose stores are read, in the order that runs are shown */
  constructor(
    private readonly roots: () => readonly string[],
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#links = new StoreLinks(log);
  }

  get runs(): readonly KnownRun[] {
    return [...this.#runs.values()];
  }

  /** The runs that wait for their turn, root by root, the next one first. */
  get queue(): readonly ReadableRun[] {
    return this.#queue.flatMap((folder) => {
      const run = this.find(folder);
      return run?.kind === 'run' && run.manifest.state.status === 'queued' ? [run] : [];
    });
  }

  /** The run in a folder: two projects may each have one of an id. */
  find(folder: string): KnownRun | undefined {
    return this.#runs.get(folder);
  }

  /** The runs of an experiment file, newest first. */
  runsOf(file: string): readonly ReadableRun[] {
    return this.runs.filter(
      (run): run is ReadableRun => run.kind === 'run' && isSamePath(experimentFileOf(run), file),
    );
  }

  /** Reads the stores again; resolves once what they held when it was called is known. */
  refresh(): Promise<void> {
    return this.#refreshing.run();
  }

  /** Whether a store may be read: one that is a link to elsewhere asks a person first, and is read anew once they allow it. */
  mayRead(root: string): Promise<boolean> {
    return this.#links.mayRead(root, () => void this.refresh());
  }

  /** Follows a run until it has ended, such as one whose trainer is about to be started. */
  follow(folder: string): void {
    if (this.#subscriptions.has(folder) || this.#disposed) return;
    const subscription = feeds.subscribe(
      folder,
      'state',
      ({ run }) => this.#take(folder, run),
      (error) => this.log.error(`The run in ${folder} could not be read:`, error),
    );
    this.#subscriptions.set(folder, subscription);
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#telling) clearTimeout(this.#telling);
    for (const unwatch of this.#watches.values()) unwatch();
    for (const subscription of this.#subscriptions.values()) subscription.close();
    this.#changed.dispose();
    this.#ended.dispose();
  }

  async #readStores(): Promise<void> {
    if (this.#disposed) return;
    this.#readAt = performance.now();
    const roots = this.roots();
    this.#watchStores(roots);
    const stores = await Promise.all(roots.map((root) => this.#readStore(root)));
    // What is followed is known by its feed, which is not older than the reading of the stores.
    await Promise.all([...this.#subscriptions.values()].map((subscription) => subscription.refresh()));
    if (this.#disposed) return;
    this.#takeStores(stores);
  }

  async #readStore(root: string): Promise<StoreReading> {
    try {
      const isAllowed = await this.mayRead(root);
      const entries = isAllowed ? await listRuns(root) : [];
      const queue = (await queueAmong(entries)).map(({ folder }) => folder);
      return { root, entries, queue };
    } catch (error) {
      this.log.error(`The runs of ${root} could not be read:`, error);
      return { root, entries: [], queue: [] };
    }
  }

  #takeStores(stores: readonly StoreReading[]): void {
    const before = this.#runs;
    this.#queue = stores.flatMap(({ queue }) => queue);
    this.#runs = new Map(
      stores.flatMap(({ root, entries }) =>
        entries.map((entry) => {
          const run = this.#subscriptions.get(entry.folder)?.run ?? { ...entry, activity: NO_ACTIVITY };
          return [entry.folder, { ...run, folder: entry.folder, root }] as const;
        }),
      ),
    );
    for (const { entries } of stores) {
      for (const entry of entries) this.#followOrNot(entry);
    }
    for (const [folder, subscription] of this.#subscriptions) {
      if (!this.#runs.has(folder)) this.#unfollow(folder, subscription);
    }
    for (const run of this.runs) this.#noteEnd(before.get(run.folder), run);
    this.#tell();
  }

  /** Follows what is trained, and no more what has ended by its manifest and its feed. */
  #followOrNot(entry: RunEntry): void {
    const { folder } = entry;
    const subscription = this.#subscriptions.get(folder);
    const run = this.#runs.get(folder);
    if (entry.kind === 'run' && entry.manifest.state.status === 'running') this.follow(folder);
    else if (subscription && run && !isLive(run)) this.#unfollow(folder, subscription);
  }

  #unfollow(folder: string, subscription: FeedSubscription): void {
    subscription.close();
    this.#subscriptions.delete(folder);
  }

  /** Takes in what a feed tells. */
  #take(folder: string, run: FollowedRun): void {
    const before = this.#runs.get(folder);
    if (!before || this.#disposed) return;
    const now = { ...run, folder, root: before.root };
    this.#runs.set(folder, now);
    this.#noteEnd(before, now);
    this.#tell();
  }

  /** Tells of a run that was found to have ended, and writes down how where its trainer could not. */
  #noteEnd(before: KnownRun | undefined, now: KnownRun): void {
    if (now.kind !== 'run' || isLive(now) || (before?.kind === 'run' && !isLive(before))) return;
    const { state, endedAt } = now.manifest;
    // What is read in a workspace that is not trusted is left as it is.
    const isUnwritten = endedAt === null && vscode.workspace.isTrusted;
    const wasLive = before?.kind === 'run';
    if (wasLive || (isUnwritten && state.status === 'interrupted')) this.#ended.fire(now);
    if (!isUnwritten) return;
    markInterrupted(now.folder).catch((error) =>
      this.log.error(`${now.folder} could not be changed:`, error),
    );
  }

  /** Watches the stores of these roots alone. */
  #watchStores(roots: readonly string[]): void {
    for (const [root, unwatch] of this.#watches) {
      if (roots.includes(root)) continue;
      unwatch();
      this.#watches.delete(root);
    }
    for (const root of roots) {
      if (this.#watches.has(root) || this.#disposed) continue;
      this.#watches.set(
        root,
        watchStore(root, (hasChanged) => this.#look(hasChanged)),
      );
    }
  }

  #look(hasChanged: boolean): void {
    const waits = () => this.runs.some((run) => isLive(run) && !isRunning(run));
    const isOld = performance.now() - this.#readAt > REREAD_MS;
    if (hasChanged || (isOld && waits())) void this.refresh();
  }

  #tell(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = null;
      this.#changed.fire();
    }, QUIET_MS);
  }
}

/** The absolute path of the experiment file that a run was started from. */
export function experimentFileOf({ root, manifest }: ReadableRun): string {
  return resolve(root, manifest.experiment.file);
}
