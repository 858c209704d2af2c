import * as vscode from 'vscode';

/** All experiment files of the workspace. */
const EXPERIMENT_GLOB = '**/*.experiment.{yaml,yml,json,jsonc}';

const EXPERIMENT_NAME = /\.experiment\.(ya?ml|jsonc?)$/;

/** Selects files for CodeLenses and diagnostics, whatever their scheme, including files that are not on disk. */
export const EXPERIMENT_SELECTOR: vscode.DocumentSelector = { pattern: EXPERIMENT_GLOB };

/** Files that may belong to another system. Their content decides. */
const FOREIGN_SELECTOR: vscode.DocumentSelector = { pattern: '**/*.{yaml,yml,sh,py}' };

/** Selects files for trick CodeLenses: experiment files and those of other systems. */
export const TRICK_SELECTOR: vscode.DocumentSelector = [EXPERIMENT_SELECTOR, FOREIGN_SELECTOR].flat();

export function isExperiment(uri: vscode.Uri): boolean {
  return EXPERIMENT_NAME.test(uri.path);
}

/** For example, `fashion` for `fashion.experiment.yaml`. */
export function experimentName(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1).replace(EXPERIMENT_NAME, '');
}

/** The experiment files in the open folders and in open editors, by path. */
export class ExperimentFiles implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  #uris: readonly vscode.Uri[] = [];

  constructor() {
    const watcher = vscode.workspace.createFileSystemWatcher(EXPERIMENT_GLOB, false, true, false);
    this.#subscriptions = [
      this.#changed,
      watcher,
      watcher.onDidCreate(() => this.refresh()),
      watcher.onDidDelete(() => this.refresh()),
      vscode.workspace.onDidOpenTextDocument(({ uri }) => this.#refreshWith(uri)),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#refreshWith(uri)),
    ];
  }

  get uris(): readonly vscode.Uri[] {
    return this.#uris;
  }

  async refresh(): Promise<void> {
    const found = await vscode.workspace.findFiles(EXPERIMENT_GLOB);
    const open = vscode.workspace.textDocuments.map(({ uri }) => uri).filter(isLoose);
    this.#uris = [...found, ...open].sort((a, b) => a.path.localeCompare(b.path));
    this.#changed.fire();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #refreshWith(uri: vscode.Uri): void {
    if (isLoose(uri)) void this.refresh();
  }
}

/** Whether this is an experiment file outside all open folders. */
function isLoose(uri: vscode.Uri): boolean {
  return uri.scheme === 'file' && isExperiment(uri) && !vscode.workspace.getWorkspaceFolder(uri);
}
