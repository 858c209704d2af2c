import { join } from 'node:path';
import { readRun, runFolder } from '../runs/store';
import { type JournalRun, studyJournal } from '../study/search/studyJournal';
import { replaceFile } from '../system/replaceFile';
import type { RunOutcome } from './outcomes';
import type { PlannedRun, StudyRecord } from './record';

/** The outcome of one run, for the journal. */
export interface JournaledOutcome {
  readonly planned: PlannedRun;
  readonly outcome: RunOutcome;
}

export const studyJournalPath = (folder: string): string => join(folder, 'optuna.log');

/** Keeps a study's `optuna.log` up to date for `optuna-dashboard FILE`. Rewrites the whole file at each change. */
export class StudyJournalFile {
  /** State at the last write. Rereading all runs at every step would cost too much. */
  #madeOf = '';

  /**
   * @param root the folder with the store
   * @param folder the study's folder
   */
  constructor(
    private readonly root: string,
    private readonly folder: string,
  ) {}

  /** Updates the file with the known outcomes. If the write fails, the next change retries it. */
  async update(record: StudyRecord, outcomes: readonly JournaledOutcome[]): Promise<void> {
    const madeOf = `${outcomes.length} ${record.state.status}`;
    if (madeOf === this.#madeOf) return;
    const known = new Set(outcomes.map(({ planned: { block, position } }) => `${block} ${position}`));
    // While a study is not done, a run without an outcome is in progress.
    const skipped =
      record.state.status === 'done'
        ? record.runs.filter(({ block, position }) => !known.has(`${block} ${position}`))
        : [];
    const all = [
      ...outcomes,
      ...skipped.map((planned) => ({ planned, outcome: { kind: 'missing' as const } })),
    ];
    const runs = await Promise.all(all.map((each) => this.#runOf(record, each)));
    const { id, metric, factors } = record;
    const text = studyJournal({ name: id, metric, factors, runs: runs.flat() });
    try {
      await replaceFile(studyJournalPath(this.folder), text);
      this.#madeOf = madeOf;
    } catch {
      // The study's own files report a full disk.
    }
  }

  async #runOf(record: StudyRecord, { planned, outcome }: JournaledOutcome): Promise<JournalRun[]> {
    const { block, setting, run } = planned;
    if (run === null) return [];
    const entry = await readRun(runFolder(this.root, run));
    if (entry.kind === 'broken') return [];
    const { createdAt, endedAt, state } = entry.manifest;
    const end = endedAt ?? createdAt;
    const startedAt = state.status === 'done' ? end - 1000 * state.result.seconds : createdAt;
    const fold = record.folds === null ? null : block % record.folds;
    const seed = record.seeds[block] ?? 0;
    return [{ id: run, block, setting, seed, fold, outcome, startedAt, endedAt: end }];
  }
}
