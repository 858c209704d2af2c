import * as vscode from 'vscode';
import type { StudyEvidence } from '../../insight/measuredHere';
import { indexRuns, type RunIndex } from '../../study/effect';
import type { RunLibrary } from './runLibrary';
import type { StudyLibrary } from './studyLibrary';

/**
 * Evidence from the finished runs and studies of the open folders. Recomputed only if a run appears, ends or
 * disappears, or a finished study does.
 */
export class RunEvidence implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** A run or a finished study has appeared, ended or disappeared. */
  readonly onDidChange = this.#changed.event;
  readonly #listening: vscode.Disposable;
  #states = '';
  #index: RunIndex | null = null;
  #done = '';
  #studies: readonly StudyEvidence[] | null = null;

  constructor(
    private readonly library: RunLibrary,
    private readonly source: StudyLibrary,
  ) {
    this.#listening = vscode.Disposable.from(
      library.onDidChange(() => this.#onRuns()),
      source.onDidChange(() => this.#onStudies()),
    );
  }

  get index(): RunIndex {
    this.#index ??= indexRuns(this.library.runs.flatMap((run) => (run.kind === 'run' ? [run.manifest] : [])));
    return this.#index;
  }

  /** Evidence from the finished studies, newest first. */
  get studies(): readonly StudyEvidence[] {
    this.#studies ??= this.source.evidence();
    return this.#studies;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#changed.dispose();
  }

  #onRuns(): void {
    const states = this.library.runs
      .map((run) => `${run.folder} ${run.kind === 'run' ? run.manifest.state.status : run.kind}`)
      .join('\n');
    // The progress of a run does not matter.
    if (states === this.#states) return;
    this.#states = states;
    this.#index = null;
    this.#changed.fire();
  }

  #onStudies(): void {
    const done = this.source.studies
      .flatMap((study) =>
        study.kind === 'study' && study.facts.state.status === 'done'
          ? [`${study.facts.folder} ${study.facts.analysis?.runsUsed}`]
          : [],
      )
      .join('\n');
    if (done === this.#done) return;
    this.#done = done;
    this.#studies = null;
    this.#changed.fire();
  }
}
