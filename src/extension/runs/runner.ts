import * as vscode from 'vscode';
import { lacksIndex, type ParseResult } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import type { AnyRecipe } from '../../recipe/anyRecipe';
import type { Recipe } from '../../recipe/recipe';
import { pauseRefusal } from '../../runs/commandRun';
import type { Waiting } from '../../runs/lease/verdict';
import { takeOn } from '../../runs/origin';
import { cancelQueued, enqueue, makeReady, type QueuedRun, type QueueTerms, termsOf } from '../../runs/queue';
import { QueueWorker } from '../../runs/queueWorker';
import { pauseByLease, stopByLease } from '../../runs/stopping';
import { createRun, deleteRun, type RunCreation } from '../../runs/store';
import { type RunHandle, startRun } from '../../runs/supervisor';
import type { TrainerCommand } from '../../runs/trainerCommand';
import { repeatRun } from '../../runs/upkeep/again';
import type { Failure } from '../../shared/failure';
import { isExperiment } from '../language/experimentFiles';
import { commandExperimentOf, parsedOf, storeRootOf } from '../language/parsing';
import { isStudy } from '../language/studyFiles';
import { chooses } from '../messages';
import { dataEnvironment, readSettings } from '../settings';
import type { KnownRun, ReadableRun } from './liveRun';
import { pythonVariables } from './python';
import type { RunLibrary } from './runLibrary';

/** A file that can be trained. */
type ParsedExperiment = Extract<ParseResult, { ok: true }>;

export type RunStart =
  /** The run is training or queued. */
  | { readonly outcome: 'started'; readonly folder: string }
  /** The file cannot be trained. */
  | { readonly outcome: 'bad_file'; readonly problems: readonly Problem[] }
  /** Its images are not indexed. */
  | { readonly outcome: 'unindexed' }
  | { readonly outcome: 'failed'; readonly failure: Failure };

/**
 * Works through the queues of the open folders in a trusted workspace. Every run of this window waits in a queue.
 * Training continues after the window closes, and the next window continues the queue.
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
   * Queues a run of a saved experiment file in the store of its workspace folder.
   *
   * @param recipeOf the recipe to train instead of the file's own
   */
  async start(
    document: vscode.TextDocument,
    recipeOf: (parsed: ParsedExperiment) => Recipe = ({ recipe }) => recipe,
  ): Promise<RunStart> {
    const command = commandExperimentOf(document);
    if (command?.ok === false) return { outcome: 'bad_file', problems: command.problems };
    if (command) return this.#create(document, command.recipe);
    const parsed = parsedOf(document);
    if (!parsed.ok) {
      return lacksIndex(parsed)
        ? { outcome: 'unindexed' }
        : { outcome: 'bad_file', problems: parsed.problems };
    }
    return this.#create(document, recipeOf(parsed));
  }

  async #create(
    document: vscode.TextDocument,
    recipe: AnyRecipe,
  ): Promise<Extract<RunStart, { outcome: 'started' | 'failed' }>> {
    const root = storeRootOf(document.uri);
    const creation = await createRun(root, {
      experimentFile: document.uri.fsPath,
      experimentText: document.getText(),
      recipe,
      versions: this.versions,
    });
    return this.#queueNew(root, creation);
  }

  /** Queues a new run of another run's recipe, whatever its experiment file now contains. */
  async repeat(run: ReadableRun): Promise<Extract<RunStart, { outcome: 'started' | 'failed' }>> {
    const { threads } = await termsOf(run.folder);
    const terms = threads === undefined ? undefined : { threads };
    return this.#queueNew(run.root, await repeatRun(run.root, run, this.versions), terms);
  }

  /** Queues an unfinished run to resume from its checkpoint. */
  async resume(run: KnownRun, waiting: Waiting): Promise<Failure | null> {
    return this.#enqueue(run.root, run.id, waiting);
  }

  /** Returns removed runs to their positions in the queue. */
  async putBack(runs: readonly ReadableRun[]): Promise<Failure | null> {
    let failure: Failure | null = null;
    for (const { folder } of runs) failure = (await makeReady(folder)) ?? failure;
    await this.library.refresh();
    for (const { root } of runs) this.wake(root);
    return failure;
  }

  /**
   * Stops a run after the current step, whichever process started it, or removes a queued run from the queue. Returns
   * null on success.
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

  /** Like `stop`, but pauses a run in training. */
  async pause(run: KnownRun): Promise<Failure | null> {
    const handle = this.#workers.get(run.root)?.handles.get(run.folder);
    if (!handle) return pauseByLease(run.folder);
    const refusal = run.kind === 'run' ? pauseRefusal(run.manifest) : null;
    if (refusal) return refusal;
    await handle.pause();
    return null;
  }

  /** Names and versions of the programs that train the runs. */
  get versions(): Readonly<Record<string, string>> {
    return { bagOfTricks: this.extension.packageJSON.version, vscode: vscode.version };
  }

  /** Starts the trainer of a short trial, which is not a run of the store. */
  startTrial(folder: string, changes: Partial<TrainerCommand>): RunHandle {
    return startRun(folder, { ...this.#trainer, stopWithParent: true, ...changes });
  }

  /** Starts no more runs. Training continues, unless a setting says otherwise. */
  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const worker of this.#workers.values()) worker.close();
  }

  async #queueNew(
    root: string,
    creation: RunCreation,
    terms?: QueueTerms,
  ): Promise<Extract<RunStart, { outcome: 'started' | 'failed' }>> {
    if (!creation.ok) return { outcome: 'failed', failure: creation.failure };
    const failure = await this.#enqueue(root, creation.id, {}, terms);
    if (!failure) return { outcome: 'started', folder: creation.folder };
    await deleteRun(root, creation.id);
    return { outcome: 'failed', failure };
  }

  async #enqueue(
    root: string,
    id: string,
    waiting: Waiting = {},
    terms?: QueueTerms,
  ): Promise<Failure | null> {
    const failure = await enqueue(root, id, waiting, terms);
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
    worker.on('waitingForGpu', () => this.library.noteWaitingForGpu(root, worker.waitingForGpu));
    worker.on('ended', ({ folder, end }) => {
      this.log.info(`${folder} ended:`, end);
      void this.library.refresh();
    });
  }

  /** Asks about a queued run that came with its folder. It starts only after consent. */
  async #askForeign(run: QueuedRun): Promise<void> {
    const [train, remove] = [vscode.l10n.t('Train it'), vscode.l10n.t('Remove from the queue')];
    const question = vscode.l10n.t(
      'You did not create the queued run {0} of {1} here. It came with the folder. Train it?',
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
      commandVariables: (folder) => pythonVariables(folder, this.log),
      saveEvery,
      stopWithParent: stopWithWindow,
    };
  }
}

/** The folders with stores to show: the open ones, and those of open experiment and study files outside them. */
export function storeRoots(): string[] {
  const folders = vscode.workspace.workspaceFolders?.filter(({ uri }) => uri.scheme === 'file') ?? [];
  const files = vscode.workspace.textDocuments
    .map(({ uri }) => uri)
    .filter((uri) => isExperiment(uri) || isStudy(uri));
  const roots = files.filter(({ scheme }) => scheme === 'file').map(storeRootOf);
  return [...new Set([...folders.map(({ uri }) => uri.fsPath), ...roots])];
}
