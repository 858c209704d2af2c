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

/** A data set and the location of its index. */
export interface DataTarget {
  readonly request: OwnDatasetRequest;
  /** The folder that contains .bag-of-tricks. */
  readonly root: string;
  /** Base of the request's relative paths: the experiment file's folder. */
  readonly folder: string;
}

/** The result of an indexing job. */
export type IndexEnd =
  | { readonly outcome: 'indexed'; readonly index: DatasetIndex }
  | { readonly outcome: 'failed'; readonly failure: Failure }
  | { readonly outcome: 'cancelled' };

const OUTPUT_BYTES = 1 << 24;

/** Indexes data sets and draws image sheets. Each job is a separate process on the Node that trains. */
export class DataTool {
  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly indexes: DataIndexes,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Indexes a data set. On failure or cancel, the previous index stays. */
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
      // If the channel is closed, the exit of the process reports it.
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
   * Draws training images of a saved experiment file: next to their augmented versions, or unchanged and by class.
   *
   * @returns path of the image file
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
          what: vscode.l10n.t('Could not draw the picture. {0}', errorLine(stderr) || String(error)),
          remedy: vscode.l10n.t('See the log for details.'),
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

/** The line in a command's error output that describes the problem. */
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
    what: vscode.l10n.t('The images were not indexed: the indexing process stopped ({0}).', how),
    remedy: vscode.l10n.t('See the log for details.'),
  };
}
