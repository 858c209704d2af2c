import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { DatasetIndex } from '../datasets/index/datasetIndex';
import { datasetKey, indexesFolder, readIndex } from '../datasets/index/store';
import { fromIndexerSchema, type IndexProgress, type ToIndexer } from '../datasets/indexer/messages';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { trainerEnvironment } from '../runs/trainerCommand';
import { assertNever } from '../shared/assertNever';
import type { Failure } from '../shared/failure';
import { UserError } from '../shared/userError';
import { execFile, fork } from '../system/children';
import type { DataIndexes } from './language/dataIndexes';
import { dataEnvironment, readSettings } from './settings';

/** A data set, and where its index is kept. */
export interface DataTarget {
  readonly request: OwnDatasetRequest;
  /** The folder that has .bag-of-tricks. */
  readonly root: string;
  /** What the request's relative paths start from: the experiment file's folder. */
  readonly folder: string;
}

/** How an indexing ended. */
export type IndexEnd =
  | { readonly outcome: 'indexed'; readonly index: DatasetIndex }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  | { readonly outcome: 'cancelled' };

const OUTPUT_BYTES = 1 << 24;

/** Indexes data sets and draws sheets of their images, each in a process of its own on the Node that trains. */
export class DataTool {
  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly indexes: DataIndexes,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Indexes a data set, or leaves an earlier index as it is. */
  async index(
    { request, root, folder }: DataTarget,
    onProgress: (progress: IndexProgress) => void,
    cancel: vscode.CancellationToken,
  ): Promise<IndexEnd> {
    const { nodePath, filesOutside } = readSettings();
    const child = fork(this.#program('indexer.js'), [], {
      execPath: nodePath,
      execArgv: [],
      cwd: this.extensionUri.fsPath,
      env: trainerEnvironment({ ...process.env, ...dataEnvironment() }),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const send = (message: ToIndexer) => {
      // A channel that is closed is told of by the process's end.
      if (child.connected) child.send(message, () => {});
    };
    const cancelling = cancel.onCancellationRequested(() => send({ type: 'cancel' }));
    child.stderr?.on('data', (text: Buffer) => this.log.warn(text.toString().trimEnd()));
    const end = await new Promise<Failure | 'done' | 'cancelled'>((resolve) => {
      child.on('message', (message) => {
        const { data: said } = fromIndexerSchema.safeParse(message);
        switch (said?.type) {
          case undefined:
            return;
          case 'progress':
            return onProgress(said);
          case 'failed':
            return resolve(said.failure);
          case 'done':
          case 'cancelled':
            return resolve(said.type);
          default:
            return assertNever(said);
        }
      });
      child.on('error', ({ message }) => resolve(endedFailure(message)));
      child.on('exit', (code, signal) => resolve(endedFailure(signal ?? `${code}`)));
      send({ type: 'index', request, root, folder, mayReadAnywhere: filesOutside });
    });
    cancelling.dispose();
    this.indexes.refresh();
    if (end === 'cancelled') return { outcome: 'cancelled' };
    if (end !== 'done') return { outcome: 'failed', failure: end };
    const index = await readIndex(root, request, folder);
    return index
      ? { outcome: 'indexed', index }
      : { outcome: 'failed', failure: endedFailure(vscode.l10n.t('no index')) };
  }

  /**
   * Draws training images of a saved experiment file, beside what the network sees of them or as they are, by class.
   *
   * @returns the picture's file
   * @throws UserError
   */
  async sheet(
    file: string,
    { request, root, folder }: DataTarget,
    kind: 'augmented' | 'classes',
  ): Promise<vscode.Uri> {
    const picture = join(indexesFolder(root), `${datasetKey(request, folder)}-${kind}.png`);
    await mkdir(dirname(picture), { recursive: true });
    const args = ['data', file, '--folder', root, '--sheet', picture];
    if (kind === 'augmented') args.push('--augmented');
    const { nodePath } = readSettings();
    try {
      await execFile(nodePath, [this.#program('tricks.js'), ...args], {
        cwd: this.extensionUri.fsPath,
        env: trainerEnvironment({ ...process.env, ...dataEnvironment() }),
        maxBuffer: OUTPUT_BYTES,
      });
    } catch (error) {
      const { stderr } = error as { readonly stderr?: unknown };
      throw new UserError(
        {
          what: vscode.l10n.t('The picture was not drawn. {0}', errorLine(stderr) || String(error)),
          remedy: vscode.l10n.t('Look at the log for more.'),
        },
        { cause: error },
      );
    }
    return vscode.Uri.file(picture);
  }

  #program(name: string): string {
    return vscode.Uri.joinPath(this.extensionUri, 'dist', name).fsPath;
  }
}

/** The line of a command's errors that says what is wrong. */
function errorLine(errors: unknown): string {
  const lines = String(errors ?? '').split('\n');
  return (
    lines
      .find((line) => line.startsWith('error:'))
      ?.slice('error:'.length)
      .trim() ?? ''
  );
}

function endedFailure(how: string): Failure {
  return {
    what: vscode.l10n.t('The images were not indexed: the process that does it ended by {0}.', how),
    remedy: vscode.l10n.t('Look at the log for more.'),
  };
}
