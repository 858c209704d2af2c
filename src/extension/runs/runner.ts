import * as vscode from 'vscode';
import type { ParseResult } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import type { Recipe } from '../../recipe/recipe';
import type { Waiting } from '../../runs/lease/verdict';
import { takeOn } from '../../runs/origin';
import { cancelQueued, enqueue, type QueuedRun } from '../../runs/queue';
import { QueueWorker } from '../../runs/queueWorker';
import { pauseByLease, stopByLease } from '../../runs/stopping';
import { createRun, deleteRun } from '../../runs/store';
import { type RunHandle, startRun } from '../../runs/supervisor';
import type { TrainerCommand } from '../../runs/trainerCommand';
import type { Failure } from '../../shared/failure';
import { isExperiment } from '../language/experimentFiles';
import { parsedOf, storeRootOf } from '../language/parsing';
import { isStudy } from '../language/studyFiles';
import { chooses } from '../messages';
import { dataEnvironment, readSettings } from '../settings';
import type { KnownRun } from './liveRun';
import type { RunLibrary } from './runLibrary';

/** A file that can be trained. */
type ParsedExperiment = Extract<ParseResult, { ok: true }>;

export type RunStart =
  /** It trains, or waits for its turn. */
  | { readonly outcome: 'started'; readonly folder: string }
  /** The file cannot be trained. */
  | { readonly outcome: 'bad_file'; readonly problems: readonly Problem[] }
  /** Its images are not indexed. */
  | { readonly outcome: 'unindexed' }
  | { readonly outcome: 'failed'; readonly failure: Failure };

/**
 * Works through the queues of the open folders, in a trusted workspace: every run of this window waits there for
 * its turn. The trainings go on when the window closes, and their queue with the next window.
 */
export class Runner implements vscode.Disposable {
  /** By root. */
  readonly #workers = new Map<string, QueueWorker>();
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly extension: vscode.Extension<unknown>,
    private readonly library: RunLibrary,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const wake = () => {
      for (const root of storeRoots()) this.wake(root);
    };
    this.#subscriptions = [
      vscode.workspace.onDidGrantWorkspaceTrust(wake),
      vscode.workspace.onDidChangeWorkspaceFolders(wake),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('bagOfTricks')) wake();
      }),
    ];
    wake();
  }

  /**
   * Queues a run of a saved experiment file in the store of its workspace folder; it starts when it may.
   *
   * @param recipeOf what to train in place of the file's own recipe
   */
  async start(
    document: vscode.TextDocument,
    recipeOf: (parsed: ParsedExperiment) => Recipe = ({ recipe }) => recipe,
  ): Promise<RunStart> {
    const parsed = parsedOf(document);
    if (!parsed.ok) {
      return parsed.unindexed ? { outcome: 'unindexed' } : { outcome: 'bad_file', problems: parsed.problems };
    }
    const root = storeRootOf(document.uri);
    const creation = await createRun(root, {
      experimentFile: document.uri.fsPath,
      experimentText: document.getText(),
      recipe: recipeOf(parsed),
      versions: this.versions,
    });
    if (!creation.ok) return { outcome: 'failed', failure: creation.failure };
    const failure = await this.#enqueue(root, creation.id);
    if (!failure) return { outcome: 'started', folder: creation.folder };
    await deleteRun(root, creation.id);
    return { outcome: 'failed', failure };
  }

  /** Queues a run that ended before its training was over, to go on from its checkpoint. */
  async resume(run: KnownRun, waiting: Waiting): Promise<Failure | null> {
    return this.#enqueue(run.root, run.id, waiting);
  }

  /**
   * Ends a run after its step, whichever process started it, or takes one that waits out of the queue; null where
   * that went well.
   */
  async stop(run: KnownRun): Promise<Failure | null> {
    const handle = this.#workers.get(run.root)?.handles.get(run.folder);
    if (handle) {
      await handle.stop();
      return null;
    }
    if (run.kind === 'run' && run.manifest.state.status === 'queued') {
      await cancelQueued(run.folder);
      return null;
    }
    return stopByLease(run.folder);
  }

  /** As `stop`, for a run that trains, which is paused then. */
  async pause(run: KnownRun): Promise<Failure | null> {
    const handle = this.#workers.get(run.root)?.handles.get(run.folder);
    if (!handle) return pauseByLease(run.folder);
    await handle.pause();
    return null;
  }

  /** What trains the runs, by name. */
  get versions(): Readonly<Record<string, string>> {
    return { bagOfTricks: this.extension.packageJSON.version, vscode: vscode.version };
  }

  /** Starts the trainer of a short trial, which is no run of the store. */
  startTrial(folder: string, changes: Partial<TrainerCommand>): RunHandle {
    return startRun(folder, { ...this.#trainer, stopWithParent: true, ...changes });
  }

  /** Starts no more; what trains goes on, unless a setting says otherwise. */
  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const worker of this.#workers.values()) worker.close();
  }

  async #enqueue(root: string, id: string, waiting: Waiting = {}): Promise<Failure | null> {
    const failure = await enqueue(root, id, waiting);
    await this.library.refresh();
    if (!failure) this.wake(root);
    return failure;
  }

  /** Works through the queue of a store, in a trusted workspace. */
  wake(root: string): void {
    if (!vscode.workspace.isTrusted) return;
    const known = this.#workers.get(root);
    if (known) {
      known.wake();
      return;
    }
    const options = () => {
      const { runsAtOnce, retries } = readSettings();
      return { atOnce: runsAtOnce, retries };
    };
    const worker = new QueueWorker(root, options, (folder, changes) => this.#start(folder, changes));
    this.#workers.set(root, worker);
    worker.on('error', (error) => this.log.error(`The queue of ${root} could not be read:`, error));
    worker.on('foreign', (run) => {
      this.#askForeign(run).catch((error) => this.log.error(`${run.folder} could not be changed:`, error));
    });
    worker.on('ended', ({ folder, end }) => {
      this.log.info(`${folder} ended:`, end);
      void this.library.refresh();
    });
  }

  /** Asks about a run that waits, but came with its folder: it starts only once a person has said so. */
  async #askForeign(run: QueuedRun): Promise<void> {
    const [train, remove] = [vscode.l10n.t('Train it'), vscode.l10n.t('Remove from the queue')];
    const question = vscode.l10n.t(
      'The run {0} of {1} waits in the queue, but was not made here by you: it came with the folder. Train it?',
      run.id,
      run.manifest.experiment.file,
    );
    const chosen = await chooses('warning', question, [train, remove]);
    if (chosen === train) await takeOn(run);
    else if (chosen === remove) await cancelQueued(run.folder);
    else return;
    await this.library.refresh();
    for (const worker of this.#workers.values()) worker.wake();
  }

  #start(folder: string, changes: Partial<TrainerCommand>): RunHandle {
    this.log.info(`Starting the run in ${folder}`);
    this.library.follow(folder);
    return startRun(folder, { ...this.#trainer, ...changes });
  }

  get #trainer(): TrainerCommand {
    const { nodePath, saveEvery, stopWithWindow } = readSettings();
    return {
      nodePath,
      trainerPath: vscode.Uri.joinPath(this.extension.extensionUri, 'dist', 'trainer.js').fsPath,
      env: { ...process.env, ...dataEnvironment() },
      saveEvery,
      stopWithParent: stopWithWindow,
    };
  }
}

/** The folders whose stores are shown: the open ones, and those of experiment and study files open outside of them. */
export function storeRoots(): string[] {
  const folders = vscode.workspace.workspaceFolders?.filter(({ uri }) => uri.scheme === 'file') ?? [];
  const files = vscode.workspace.textDocuments
    .map(({ uri }) => uri)
    .filter((uri) => isExperiment(uri) || isStudy(uri));
  const roots = files.filter(({ scheme }) => scheme === 'file').map(storeRootOf);
  return [...new Set([...folders.map(({ uri }) => uri.fsPath), ...roots])];
}
