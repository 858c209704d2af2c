import * as vscode from 'vscode';
import { type RunLabel, runLabels } from '../../insight/runLabels';
import type { KnownRun } from './liveRun';
import type { RunLibrary } from './runLibrary';

/** Some labels contain the age of a run. */
const MINUTE_MS = 60_000;

/** Labels of the runs in the open folders. Updated when a run appears, disappears or is renamed, and as time passes. */
export class RunLabels implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** A label has changed. */
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable;
  #labels: ReadonlyMap<string, RunLabel> = new Map();
  #known = '';

  constructor(private readonly library: Pick<RunLibrary, 'runs' | 'onDidChange'>) {
    const timer = setInterval(() => this.#update(), MINUTE_MS);
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      library.onDidChange(() => this.#onRuns()),
      { dispose: () => clearInterval(timer) },
    );
  }

  /** A run's label, or its id if the run is unreadable. */
  of(run: KnownRun): RunLabel {
    if (run.kind === 'broken') return { short: run.id, full: run.id };
    this.#onRuns();
    const { name } = run.manifest;
    return this.#labels.get(run.folder) ?? { short: name, full: name };
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }

  /** Rebuilds the labels only if one of the values below changes. Nothing else affects them. */
  #onRuns(): void {
    const known = JSON.stringify(
      this.library.runs.map((run) => [run.folder, run.kind === 'run' ? run.manifest.name : null]),
    );
    if (known === this.#known) return;
    this.#known = known;
    this.#update();
  }

  #update(): void {
    const before = JSON.stringify([...this.#labels]);
    const runs = this.library.runs.flatMap((run) => (run.kind === 'run' ? [run] : []));
    this.#labels = runLabels(runs, Date.now());
    if (JSON.stringify([...this.#labels]) !== before) this.#changed.fire();
  }
}
