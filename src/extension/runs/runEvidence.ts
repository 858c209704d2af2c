import * as vscode from 'vscode';
import { indexRuns, type RunIndex } from '../../study/effect';
import type { RunLibrary } from './runLibrary';

/** What the finished runs of the open folders have shown, worked out anew only when a run comes, ends or goes. */
export class RunEvidence implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** A run has come, ended or gone. */
  readonly onDidChange = this.#changed.event;
  readonly #listening: vscode.Disposable;
  #states = '';
  #index: RunIndex | null = null;

  constructor(private readonly library: RunLibrary) {
    this.#listening = library.onDidChange(() => {
      const states = library.runs
        .map((run) => `${run.folder} ${run.kind === 'run' ? run.manifest.state.status : run.kind}`)
        .join('\n');
      // How far a run is makes no difference.
      if (states === this.#states) return;
      this.#states = states;
      this.#index = null;
      this.#changed.fire();
    });
  }

  get index(): RunIndex {
    this.#index ??= indexRuns(this.library.runs.flatMap((run) => (run.kind === 'run' ? [run.manifest] : [])));
    return this.#index;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
  }
}
