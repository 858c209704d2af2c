import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { StudyEvidence } from '../../insight/measuredHere';
import type { KnownStudy } from '../../protocol/studyView';
import type { OwnDatasetRequest } from '../../recipe/datasets';
import { watchStore } from '../../runs/feed/storeWatch';
import type { ReadableEntry } from '../../runs/store';
import type { Failure } from '../../shared/failure';
import { CONFIRMING_SEEDS, confirmationOf } from '../../studies/confirming';
import { StudyReader } from '../../studies/facts';
import { askToStop } from '../../studies/lock';
import { foldRequests } from '../../studies/planning';
import type { StudyState } from '../../studies/record';
import {
  brokenStudyFailure,
  createStudy,
  deleteStudy,
  listStudies,
  readStudy,
  type StudyEntry,
  studiesFolder,
  studyPath,
} from '../../studies/store';
import { StudyWorker } from '../../studies/worker';
import { failureOf } from '../../system/errors';
import { isUnderWay, type StudyControl, type StudySource } from '../studySource';
import { Refreshing } from './refreshing';
import type { RunLibrary } from './runLibrary';
import type { Runner } from './runner';
import { StudyKeys } from './studyEvidence';

/** Changes within this time trigger one notification. */
const QUIET_MS = 100;

/** Polling interval for a study under way: its process may have died, and its time left shrinks. */
const REREAD_MS = 5_000;

/** A study in the open folders and the store that contains it. */
interface Placed {
  readonly root: string;
  readonly entry: StudyEntry;
  readonly known: KnownStudy;
}

/** Services that a study needs from the window that runs it. */
export interface StudyProgram {
  /** Indexes images that have no index yet. Rejects if they still have none afterwards. */
  index(root: string, folder: string, requests: readonly OwnDatasetRequest[]): Promise<void>;
  /** Accuracy of a run on its test images, in percentage points. Counts the look. */
  test(root: string, run: ReadableEntry, weights: 'last' | 'averaged'): Promise<number>;
}

/** A study that runs in this window. */
interface Own {
  readonly worker: StudyWorker;
  /** Resolves when it stops running. Never rejects. */
  readonly ended: Promise<void>;
}

/** How a study of this window ended. */
export interface StudyEnd {
  readonly folder: string;
  readonly name: string;
  readonly state: StudyState;
}

/**
 * All studies in the stores of the open folders, whoever runs them. Studies that are resumed here run in this window.
 * When the window closes they are interrupted, while their training runs follow the settings.
 */
export class StudyLibrary implements StudySource, StudyControl, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #ended = new vscode.EventEmitter<StudyEnd>();
  readonly onDidChange = this.#changed.event;
  /** A study of this window has stopped running. */
  readonly onDidEnd = this.#ended.event;

  /** By the study's folder, root by root, newest first. */
  #studies = new Map<string, Placed>();
  /** By root. */
  readonly #readers = new Map<string, StudyReader>();
  readonly #watches = new Map<string, () => void>();
  /** By the study's folder. */
  readonly #own = new Map<string, Own>();
  readonly #keys = new StudyKeys();
  readonly #listening: vscode.Disposable;
  /** Modification times of files that other processes may change. */
  #written = '';
  #runStates = '';
  #readAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #reading: NodeJS.Timeout | null = null;
  #telling: NodeJS.Timeout | null = null;
  readonly #refreshing = new Refreshing(() => this.#readStores());
  #disposed = false;

  /** @param roots the folders with the stores to read, in display order */
  constructor(
    private readonly roots: () => readonly string[],
    private readonly library: RunLibrary,
    private readonly runner: Runner,
    private readonly program: StudyProgram,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#listening = library.onDidChange(() => this.#onRuns());
  }

  get studies(): readonly KnownStudy[] {
    return [...this.#studies.values()].map(({ known }) => known);
  }

  facts(folder: string): KnownStudy | undefined {
    return this.#studies.get(folder)?.known;
  }

  /** What the finished studies show about tricks. */
  evidence(): readonly StudyEvidence[] {
    return [...this.#studies.values()].flatMap(({ root, entry, known }) => {
      if (entry.kind !== 'study' || known.kind !== 'study') return [];
      return this.#keys.evidenceOf(root, entry.record, known.facts) ?? [];
    });
  }

  /** Reads the stores again. Resolves when their content at the time of the call is known. */
  refresh(): Promise<void> {
    return this.#refreshing.run();
  }

  async stop(folder: string): Promise<Failure | null> {
    const own = this.#own.get(folder);
    if (own) {
      own.worker.stop();
      await own.ended;
      return null;
    }
    try {
      return (await askToStop(folder)) ? null : notRunningFailure(folder);
    } catch (error) {
      return failureOf(error);
    }
  }

  /** Runs a study in this window. Resolves when it is running or cannot run. */
  async resume(folder: string): Promise<Failure | null> {
    const placed = this.#studies.get(folder);
    if (!placed) return absentFailure(folder);
    const { root } = placed;
    const entry = await readStudy(folder);
    if (entry.kind === 'broken') return brokenStudyFailure(entry);
    const { record } = entry;
    try {
      await this.program.index(root, dirname(record.experiment.file), foldRequests(root, record));
    } catch (error) {
      return failureOf(error);
    }
    // A second request does not start it twice.
    if (this.#own.has(folder)) return null;
    this.runner.wake(root);
    const worker = new StudyWorker(root, folder, {
      start: (trial, changes) => this.runner.startTrial(trial, changes),
      versions: this.runner.versions,
      test: (run, weights) => this.program.test(root, run, weights),
    });
    worker.on('retried', ({ id, failure, failures }) => {
      this.log.warn(`The run ${id} failed, for the time ${failures}, and is tried again: ${failure.what}`);
    });
    return this.#run(folder, record.name, worker);
  }

  /** Runs a study's chosen set against its first levels on fresh seeds. Continues a confirmation that was begun. */
  async confirm(folder: string): Promise<Failure | null> {
    const placed = this.#studies.get(folder);
    const { entry, known } = placed ?? {};
    if (!placed || entry?.kind !== 'study' || known?.kind !== 'study' || !known.facts.analysis) {
      return absentFailure(folder);
    }
    const { root } = placed;
    try {
      const begun = (await listStudies(root)).find(
        (other) =>
          other.kind === 'study' &&
          other.record.confirms?.id === entry.id &&
          other.record.state.status !== 'done',
      );
      const confirmation =
        begun ??
        (await createStudy(root, confirmationOf(root, entry.record, known.facts.analysis, CONFIRMING_SEEDS)));
      await this.refresh();
      return await this.resume(confirmation.folder);
    } catch (error) {
      return failureOf(error);
    }
  }

  async delete(folder: string): Promise<Failure | null> {
    const placed = this.#studies.get(folder);
    return placed ? deleteStudy(placed.root, placed.entry.id) : absentFailure(folder);
  }

  dispose(): void {
    this.#disposed = true;
    for (const timer of [this.#reading, this.#telling]) if (timer) clearTimeout(timer);
    for (const unwatch of this.#watches.values()) unwatch();
    this.#listening.dispose();
    this.#changed.dispose();
    this.#ended.dispose();
  }

  /** Starts a worker. Resolves to null when it has begun, or to the reason why it could not. */
  #run(folder: string, name: string, worker: StudyWorker): Promise<Failure | null> {
    return new Promise((resolve) => {
      const begun = () => resolve(null);
      worker.once('progress', begun);
      const end = async () => {
        try {
          const state = await worker.run();
          begun();
          return state;
        } catch (error) {
          this.log.error(`The study in ${folder} does not run:`, error);
          resolve(failureOf(error));
          return null;
        } finally {
          this.#own.delete(folder);
        }
      };
      const ended = end().then(async (state) => {
        await this.refresh();
        if (state && !this.#disposed) this.#ended.fire({ folder, name, state });
      });
      this.#own.set(folder, {
        worker,
        ended: ended.catch((error) => this.log.error(`The study in ${folder} could not be read:`, error)),
      });
    });
  }

  /** Reads again if a run has appeared, disappeared or changed state. Progress alone does not matter. */
  #onRuns(): void {
    const states = this.library.runs
      .map((run) => `${run.folder} ${run.kind === 'run' ? run.manifest.state.status : run.kind}`)
      .join('\n');
    if (states === this.#runStates) return;
    this.#runStates = states;
    this.#readSoon();
  }

  #readSoon(): void {
    this.#reading ??= setTimeout(() => {
      this.#reading = null;
      void this.refresh();
    }, QUIET_MS);
  }

  async #readStores(): Promise<void> {
    if (this.#disposed) return;
    this.#readAt = performance.now();
    const roots = this.roots();
    this.#watchStores(roots);
    const written = await this.#writtenNow(roots);
    const studies: Placed[] = [];
    for (const root of roots) studies.push(...(await this.#readStore(root)));
    if (this.#disposed) return;
    this.#written = written;
    this.#studies = new Map(studies.map((placed) => [placed.entry.folder, placed]));
    this.#tell();
  }

  async #readStore(root: string): Promise<Placed[]> {
    try {
      if (!(await this.library.mayRead(root))) return [];
      const reader = this.#readers.get(root) ?? new StudyReader(root);
      this.#readers.set(root, reader);
      return (await reader.all()).map((each) => ({ root, ...each }));
    } catch (error) {
      this.log.error(`The studies of ${root} could not be read:`, error);
      return [];
    }
  }

  /** Watches the stores of exactly these roots and forgets all others. */
  #watchStores(roots: readonly string[]): void {
    for (const [root, unwatch] of this.#watches) {
      if (roots.includes(root)) continue;
      unwatch();
      this.#watches.delete(root);
      this.#readers.delete(root);
    }
    for (const root of roots) {
      if (this.#watches.has(root) || this.#disposed) continue;
      this.#watches.set(
        root,
        watchStore(root, () => void this.#look()),
      );
    }
  }

  /** Studies are stored next to the folder of the runs, and the library reports changes only to the runs. */
  async #look(): Promise<void> {
    if (this.#isLooking || this.#refreshing.isUnderWay || this.#disposed) return;
    this.#isLooking = true;
    try {
      const isOld = performance.now() - this.#readAt > REREAD_MS;
      const isLive = this.studies.some((study) => study.kind === 'study' && isUnderWay(study.facts));
      if ((isOld && isLive) || (await this.#writtenNow(this.roots())) !== this.#written) this.#readSoon();
    } finally {
      this.#isLooking = false;
    }
  }

  /** Modification times of the folders of studies and of the unfinished studies. */
  async #writtenNow(roots: readonly string[]): Promise<string> {
    const open = [...this.#studies.values()].filter(
      ({ known }) => known.kind === 'damaged' || known.facts.state.status !== 'done',
    );
    const paths = [...roots.map(studiesFolder), ...open.map(({ entry }) => studyPath(entry.folder))];
    const times = await Promise.all(
      paths.map((path) =>
        stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        ),
      ),
    );
    return paths.map((path, index) => `${path} ${times[index]}`).join('\n');
  }

  #tell(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = null;
      this.#changed.fire();
    }, QUIET_MS);
  }
}

function absentFailure(folder: string): Failure {
  return {
    what: vscode.l10n.t('There is no study in {0}.', folder),
    remedy: vscode.l10n.t('Refresh the list of experiments.'),
  };
}

function notRunningFailure(folder: string): Failure {
  return {
    what: vscode.l10n.t('The study in {0} is not running.', folder),
    remedy: vscode.l10n.t('Refresh the list of experiments.'),
  };
}
