import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as vscode from 'vscode';
import type { RunState } from '../../protocol/manifest';
import { RunFollower } from '../../runs/log';
import { queueAmong } from '../../runs/queue';
import { markInterrupted } from '../../runs/stopping';
import { listRuns, metricsPath, readRun, runsFolder } from '../../runs/store';
import { isSamePath } from '../../system/samePath';
import { afterReading, isLive, type KnownRun, NO_ACTIVITY, type ReadableRun, runAfter } from './liveRun';
import { StoreLinks } from './storeLinks';

/** Several changes within this time are told as one. */
const QUIET_MS = 100;

/**
 * How often the stores are looked at for runs that came or went, and live runs for a trainer that went away
 * without a word. File watchers would be faster, but drop what comes and goes within their own pauses.
 */
const CHECK_MS = 1000;

/**
 * Every run in the stores of the open folders, whoever started it. Live ones are followed by their logs.
 */
export class RunLibrary implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #ended = new vscode.EventEmitter<ReadableRun>();
  /** Something about the runs is different. */
  readonly onDidChange = this.#changed.event;
  /** A run that was live is so no more. */
  readonly onDidEnd = this.#ended.event;

  /** By root, newest first. */
  #runs = new Map<string, KnownRun[]>();
  /** Ids of the runs that wait, root by root, the next one first. */
  #queue: readonly string[] = [];
  readonly #followers = new Map<string, RunFollower>();
  /** When each store last changed, as of its last reading. */
  #storeTimes = new Map<string, number>();
  /** Runs that ended while the stores were read: the reading may be older than that. */
  readonly #endedWhileReading = new Set<string>();
  readonly #checks: NodeJS.Timeout;
  readonly #links: StoreLinks;
  #telling: NodeJS.Timeout | null = null;
  #refreshing: Promise<void> | null = null;
  #refreshAgain = false;
  #disposed = false;

  /** @param roots the folders whose stores are read, in the order that runs are shown */
  constructor(
    private readonly roots: () => readonly string[],
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#links = new StoreLinks(log);
    this.#checks = setInterval(() => void this.#check(), CHECK_MS).unref();
  }

  get runs(): readonly KnownRun[] {
    return [...this.#runs.values()].flat();
  }

  /** The runs that wait for their turn, root by root, the next one first. */
  get queue(): readonly ReadableRun[] {
    return this.#queue.flatMap((id) => {
      const run = this.find(id);
      return run?.kind === 'run' && run.manifest.state.status === 'queued' ? [run] : [];
    });
  }

  find(id: string): KnownRun | undefined {
    return this.runs.find((run) => run.id === id);
  }

  /** The runs of an experiment file, newest first. */
  runsOf(file: string): readonly ReadableRun[] {
    return this.runs.filter(
      (run): run is ReadableRun => run.kind === 'run' && isSamePath(experimentFileOf(run), file),
    );
  }

  /** Reads the stores again; resolves once what they held when it was called is known. */
  async refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#refreshAgain = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#readStores().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Takes in how a run ended from the one who waited for it, which may know what no disk could take. */
  settle(id: string, state: RunState): void {
    const run = this.find(id);
    if (!run || !isLive(run)) return;
    const ended = { ...run, manifest: { ...run.manifest, state } };
    this.#endedWhileReading.add(id);
    this.#replace(ended);
    this.#follow();
    this.#ended.fire(ended);
  }

  dispose(): void {
    this.#disposed = true;
    clearInterval(this.#checks);
    if (this.#telling) clearTimeout(this.#telling);
    for (const follower of this.#followers.values()) follower.close();
    this.#changed.dispose();
    this.#ended.dispose();
  }

  async #readStores(): Promise<void> {
    do {
      this.#refreshAgain = false;
      this.#endedWhileReading.clear();
      const stores = await Promise.all(this.roots().map((root) => this.#readStore(root)));
      if (this.#disposed) return;
      const before = this.runs;
      this.#storeTimes = new Map(stores.map(({ root, time }) => [root, time]));
      const taken = (run: KnownRun) =>
        afterReading(this.find(run.id), run, this.#endedWhileReading.has(run.id));
      this.#runs = new Map(stores.map(({ root, runs }) => [root, runs.map(taken)]));
      this.#queue = stores.flatMap(({ queue }) => queue);
      for (const run of before) {
        const now = this.find(run.id);
        if (isLive(run) && now?.kind === 'run' && !isLive(now)) this.#ended.fire(now);
      }
      this.#noteInterrupted(before);
      this.#follow();
      this.#tell();
    } while (this.#refreshAgain);
  }

  async #readStore(root: string): Promise<{ root: string; time: number; runs: KnownRun[]; queue: string[] }> {
    // Before the runs: what changes while they are read is then seen to have changed.
    const time = await changeTime(root);
    try {
      const isAllowed = await this.#links.mayRead(root, () => void this.refresh());
      const entries = isAllowed ? await listRuns(root) : [];
      const queue = (await queueAmong(entries)).map(({ id }) => id);
      const runs = entries.map((entry) => ({ ...entry, root, activity: NO_ACTIVITY }));
      return { root, time, runs, queue };
    } catch (error) {
      this.log.error(`The runs of ${root} could not be read:`, error);
      return { root, time, runs: [], queue: [] };
    }
  }

  /** Writes down which runs are interrupted, and tells of those that were found so. */
  #noteInterrupted(before: readonly KnownRun[]): void {
    // What is read in a workspace that is not trusted is left as it is.
    if (!vscode.workspace.isTrusted) return;
    const known = new Set(before.map(({ id }) => id));
    for (const run of this.runs) {
      if (run.kind !== 'run' || run.manifest.state.status !== 'interrupted') continue;
      // One that ended is written down already.
      if (run.manifest.endedAt !== null) continue;
      if (!known.has(run.id)) this.#ended.fire(run);
      markInterrupted(run.folder).catch((error) => this.log.error(`${run.id} could not be changed:`, error));
    }
  }

  /** Follows the logs of live runs, and no others. */
  #follow(): void {
    const live = new Map(this.runs.filter(isLive).map((run) => [run.folder, run]));
    for (const [folder, follower] of this.#followers) {
      if (live.has(folder)) continue;
      follower.close();
      this.#followers.delete(folder);
    }
    for (const [folder, { id }] of live) {
      if (this.#followers.has(folder)) continue;
      const follower = new RunFollower(metricsPath(folder), 'end');
      this.#followers.set(folder, follower);
      follower.on('error', (error) => this.log.error(`The log of ${id} could not be read:`, error));
      follower.on('events', ({ events }) => {
        const run = this.find(id);
        if (run?.kind !== 'run') return;
        const after = runAfter(run, events);
        if (isLive(after)) this.#replace(after);
        else this.settle(id, after.manifest.state);
      });
    }
  }

  async #check(): Promise<void> {
    for (const [root, time] of this.#storeTimes) {
      if ((await changeTime(root)) !== time) return this.refresh();
    }
    for (const run of this.runs.filter(isLive)) {
      const entry = await readRun(run.folder);
      if (entry.kind === 'broken' || !isLive({ ...run, ...entry })) return this.refresh();
      if (entry.isUncertain !== run.isUncertain) return this.refresh();
    }
  }

  #replace(run: ReadableRun): void {
    const runs = this.#runs.get(run.root) ?? [];
    this.#runs.set(
      run.root,
      runs.map((other) => (other.id === run.id ? run : other)),
    );
    this.#tell();
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

/** When a run was last added to the store of `root` or taken out, in milliseconds since 1970; 0 for no store. */
async function changeTime(root: string): Promise<number> {
  return stat(runsFolder(root)).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
