import * as vscode from 'vscode';
import { dropParses } from './parsing';

/**
 * Watches the indexes of the open folders' data sets. Notifies when one appears, changes or disappears, so that files
 * are parsed again.
 */
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

  /** Also covers stores that are not watched, outside the open folders. */
  refresh(): void {
    dropParses();
    this.#changed.fire();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
