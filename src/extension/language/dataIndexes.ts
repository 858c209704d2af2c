import * as vscode from 'vscode';
import { dropParses } from './parsing';

/** The indexes of the open folders' data sets: says when one has come, changed or gone, so that files are read anew. */
export class DataIndexes implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor() {
    const watcher = vscode.workspace.createFileSystemWatcher('**/.bag-of-tricks/datasets/*.json');
    this.#subscriptions = [
      this.#changed,
      watcher,
      watcher.onDidCreate(() => this.refresh()),
      watcher.onDidChange(() => this.refresh()),
      watcher.onDidDelete(() => this.refresh()),
    ];
  }

  /** Also for stores that are not watched: those outside of the open folders. */
  refresh(): void {
    dropParses();
    this.#changed.fire();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
