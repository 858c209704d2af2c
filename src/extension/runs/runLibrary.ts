import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { feeds } from '../../runs/feed/feed';
import type { FeedSubscription } from '../../runs/feed/feedSubscription';
import { type FollowedRun, NO_ACTIVITY } from '../../runs/feed/followedRun';
import { watchStore } from '../../runs/feed/storeWatch';
import { queueAmong } from '../../runs/queue';
import { markInterrupted } from '../../runs/stopping';
import { listRuns, type RunEntry } from '../../runs/store';
import { placeNow, readRenames } from '../../runs/upkeep/renames';
import { listTrash, type TrashedRun } from '../../runs/upkeep/trash';
import { isSamePath } from '../../system/samePath';
import { isLive, isOver, isRunning, type KnownRun, type ReadableRun } from './liveRun';
import { Refreshing } from './refreshing';
import { StoreLinks } from './storeLinks';

/** Changes within this time trigger one notification. */
const QUIET_MS = 100;

/** Polling interval while a run is queued: a trainer that was killed before training notifies nobody. */
const REREAD_MS = 10_000;

/** The content of a root's store at the time of a read. */
interface StoreReading {
  readonly root: string;
  readonly entries: readonly RunEntry[];
  /** Folders of the queued runs, next one first. */
  readonly queue: readonly string[];
  readonly trash: readonly TrashedRun[];
  /** Maps a run's folder to the new path of its experiment file, if that was renamed. */
  readonly moved: ReadonlyMap<string, string>;
}

/** All runs in the stores of the open folders, whoever started them. Feeds follow the runs in training. */
export class RunLibrary implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #ended = new vscode.EventEmitter<ReadableRun>();
  /** The runs have changed. */
  readonly onDidChange = this.#changed.event;
  /** A live run has ended. */
  readonly onDidEnd = this.#ended.event;

  /** By folder, root by root, newest first. */
  #runs = new Map<string, KnownRun>();
  /** Folders of the queued runs, root by root, next one first. */
  #queue: readonly string[] = [];
  #trash: readonly TrashedRun[] = [];
  /** By root, the folders of the queued runs that wait for a free GPU. */
  readonly #waitingForGpu = new Map<string, ReadonlySet<string>>();
  /** Disk usage of the runs in the trash, by folder. It does not change while they are there. */
  readonly #trashBytes = new Map<string, number>();
  readonly #subscriptions = new Map<string, FeedSubscription>();
  /** By root, a function that stops the watch on its store. */
  readonly #watches = new Map<string, () => void>();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #links: StoreLinks;
  #telling: NodeJS.Timeout | null = null;
  readonly #refreshing = new Refreshing(() => this.#readStores());
  #disposed = false;

  /** @param roots the folders with the stores to read, in display order */
  constructor(
    private readonly roots: () => readonly string[],
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#links = new StoreLinks(log);
  }

  get runs(): readonly KnownRun[] {
    return [...this.#runs.values()];
  }

  /** The queued runs, root by root, next one first. */
  get queue(): readonly ReadableRun[] {
    return this.#queue.flatMap((folder) => {
      const run = this.find(folder);
      return run?.kind === 'run' && run.manifest.state.status === 'queued' ? [run] : [];
    });
  }

  /** Whether a queued run waits for a free GPU. */
  waitsForGpu({ root, folder }: Pick<KnownRun, 'root' | 'folder'>): boolean {
    return this.#waitingForGpu.get(root)?.has(folder) ?? false;
  }

  /** Notes which queued runs of a store wait for a free GPU. */
  noteWaitingForGpu(root: string, folders: ReadonlySet<string>): void {
    this.#waitingForGpu.set(root, folders);
    this.#tell();
  }

  /** The deleted runs that can be restored, root by root, last one first. */
  get trash(): readonly TrashedRun[] {
    return this.#trash;
  }

  /** The run in a folder. Ids are not unique across projects. */
  find(folder: string): KnownRun | undefined {
    return this.#runs.get(folder);
  }

  /** The runs of an experiment file, newest first. */
  runsOf(file: string): readonly ReadableRun[] {
    return this.runs.filter(
      (run): run is ReadableRun => run.kind === 'run' && isSamePath(experimentFileOf(run), file),
    );
  }

  /** Reads the stores again. Resolves when their content at the time of the call is known. */
  refresh(): Promise<void> {
    return this.#refreshing.run();
  }

  /** Whether a store may be read. If it is a symbolic link, asks the user first and reads the store after consent. */
  mayRead(root: string): Promise<boolean> {
    return this.#links.mayRead(root, () => void this.refresh());
  }

  /** Follows a run until it ends. For example, one with a trainer about to start. */
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
    // A followed run comes from its feed, which is at least as recent as the read of the stores.
    await Promise.all([...this.#subscriptions.values()].map((subscription) => subscription.refresh()));
    if (this.#disposed) return;
    this.#takeStores(stores);
  }

  async #readStore(root: string): Promise<StoreReading> {
    try {
      const isAllowed = await this.mayRead(root);
      const entries = isAllowed ? await listRuns(root) : [];
      const queue = (await queueAmong(entries)).map(({ folder }) => folder);
      const trash = isAllowed ? await listTrash(root, this.#trashBytes) : [];
      return { root, entries, queue, trash, moved: await movedFiles(root, entries) };
    } catch (error) {
      this.log.error(`The runs of ${root} could not be read:`, error);
      return { root, entries: [], queue: [], trash: [], moved: new Map() };
    }
  }

  #takeStores(stores: readonly StoreReading[]): void {
    const before = this.#runs;
    this.#queue = stores.flatMap(({ queue }) => queue);
    this.#trash = stores.flatMap(({ trash }) => trash);
    this.#runs = new Map(
      stores.flatMap(({ root, entries, moved }) =>
        entries.map((entry) => {
          const run = this.#subscriptions.get(entry.folder)?.run ?? { ...entry, activity: NO_ACTIVITY };
          const movedTo = moved.get(entry.folder);
          const place = { folder: entry.folder, root, ...(movedTo !== undefined && { movedTo }) };
          return [entry.folder, { ...run, ...place }] as const;
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

  /** Follows a run in training. Stops following it after both its manifest and its feed say that it ended. */
  #followOrNot(entry: RunEntry): void {
    const { folder } = entry;
    const subscription = this.#subscriptions.get(folder);
    const run = this.#runs.get(folder);
    if (entry.kind === 'run' && entry.manifest.state.status === 'running') this.follow(folder);
    else if (subscription && run && isOver(entry, run)) this.#unfollow(folder, subscription);
  }

  #unfollow(folder: string, subscription: FeedSubscription): void {
    subscription.close();
    this.#subscriptions.delete(folder);
  }

  /** Applies an update from a feed. */
  #take(folder: string, run: FollowedRun): void {
    const before = this.#runs.get(folder);
    if (!before || this.#disposed) return;
    const { root, movedTo } = before;
    const now = { ...run, folder, root, ...(movedTo !== undefined && { movedTo }) };
    this.#runs.set(folder, now);
    this.#noteEnd(before, now);
    this.#tell();
  }

  /** Notifies that a run has ended. Records how if its trainer could not. */
  #noteEnd(before: KnownRun | undefined, now: KnownRun): void {
    if (now.kind !== 'run' || isLive(now) || (before?.kind === 'run' && !isLive(before))) return;
    const { state, endedAt } = now.manifest;
    // Write nothing in an untrusted workspace.
    const isUnwritten = endedAt === null && vscode.workspace.isTrusted;
    const wasLive = before?.kind === 'run';
    if (wasLive || (isUnwritten && state.status === 'interrupted')) this.#ended.fire(now);
    if (!isUnwritten) return;
    markInterrupted(now.folder).catch((error) =>
      this.log.error(`${now.folder} could not be changed:`, error),
    );
  }

  /** Watches the stores of exactly these roots. */
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

/** Absolute path of the experiment file of a run, following renames. */
export function experimentFileOf({ root, manifest, movedTo }: ReadableRun): string {
  return movedTo ?? resolve(root, manifest.experiment.file);
}

async function movedFiles(root: string, entries: readonly RunEntry[]): Promise<Map<string, string>> {
  const moved = new Map<string, string>();
  const renames = await readRenames(root);
  if (renames.length === 0) return moved;
  for (const entry of entries) {
    if (entry.kind === 'broken') continue;
    const file = resolve(root, entry.manifest.experiment.file);
    const now = await placeNow(file, entry.manifest.createdAt, renames);
    if (now !== file) moved.set(entry.folder, now);
  }
  return moved;
}
