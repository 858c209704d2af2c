import { join } from 'node:path';
import { readRun, runFolder } from '../runs/store';
import { type JournalRun, studyJournal } from '../study/search/studyJournal';
import { replaceFile } from '../system/replaceFile';
import type { RunOutcome } from './outcomes';
import type { PlannedRun, StudyRecord } from './record';

/** What came of one run, for the journal. */
export interface JournaledOutcome {
  readonly planned: PlannedRun;
  readonly outcome: RunOutcome;
}

export const studyJournalPath = (folder: string): string => join(folder, 'optuna.log');

/** Keeps a study's `optuna.log`, which `optuna-dashboard FILE` shows: whole again at each change. */
export class StudyJournalFile {
  /** What the last text was made of: reading all runs at each of their steps would be too much. */
  #madeOf = '';

  /**
   * @param root the folder that has the store
   * @param folder the study's
   */
  constructor(
    private readonly root: string,
    private readonly folder: string,
  ) {}

  /** Brings the file up to date with the outcomes that are known. Where it cannot be written, it is at the next change. */
  async update(record: StudyRecord, outcomes: readonly JournaledOutcome[]): Promise<void> {
    const madeOf = `${outcomes.length} ${record.state.status}`;
    if (madeOf === this.#madeOf) return;
    const known = new Set(outcomes.map(({ planned: { block, position } }) => `${block} ${position}`));
    // Of a study that goes on, a run without an outcome is under way.
    const leftOut =
      record.state.status === 'done'
        ? record.runs.filter(({ block, position }) => !known.has(`${block} ${position}`))
        : [];
    const all = [
      ...outcomes,
      ...leftOut.map((planned) => ({ planned, outcome: { kind: 'missing' as const } })),
    ];
    const runs = await Promise.all(all.map((each) => this.#runOf(record, each)));
    const { id, metric, factors } = record;
    const text = studyJournal({ name: id, metric, factors, runs: runs.flat() });
    try {
      await replaceFile(studyJournalPath(this.folder), text);
      this.#madeOf = madeOf;
    } catch {
      // The study's own files tell of a full disk.
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
