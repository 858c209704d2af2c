/** A study of factors as Optuna's journal: each run is a trial, so that Optuna's importances rank the tricks. */
import type { StudyFactor, StudyRunOutcome, StudySetting } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { type JournalEvent, type JournalParameter, journalLines } from './optunaJournal';

/** A run of a study, with when it was trained, in milliseconds since 1970. */
export interface JournalRun {
  /** Its id in the store. */
  readonly id: string;
  /** From 0. */
  readonly block: number;
  readonly setting: StudySetting;
  readonly seed: number;
  /** From 0; null where blocks have no folds. */
  readonly fold: number | null;
  readonly outcome: StudyRunOutcome['outcome'];
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface JournaledStudy {
  readonly name: string;
  readonly metric: { readonly name: string; readonly higherIsBetter: boolean };
  readonly factors: readonly StudyFactor[];
  /** Those whose outcome is known, and of a study that is over also those that it left out. */
  readonly runs: readonly JournalRun[];
}

/**
 * The whole journal of a study, a function of its runs alone. Trials are in the order in which runs ended, so that a run that
 * ends later adds lines and changes none: the dashboard goes on reading where it was. A run that diverged or failed is a
 * failed trial, one that was left out a pruned one.
 */
export function studyJournal({ name, metric, factors, runs }: JournaledStudy): string {
  const ordered = runs.toSorted(
    (a, b) => a.endedAt - b.endedAt || a.block - b.block || (a.id < b.id ? -1 : 1),
  );
  const created: JournalEvent = {
    ...{ type: 'study_created', name, metric: metric.name },
    higherIsBetter: metric.higherIsBetter,
  };
  const trials = ordered.flatMap((run, trial) => [startedEvent(run, factors), endedEvent(run, trial)]);
  return [created, ...trials].map(journalLines).join('');
}

function startedEvent(
  { id, block, setting, seed, fold, startedAt }: JournalRun,
  factors: readonly StudyFactor[],
): JournalEvent {
  return {
    type: 'trial_started',
    time: startedAt,
    parameters: factors.map(
      ({ key, levels }, factor): JournalParameter => ({
        name: key,
        distribution: { kind: 'categorical', choices: levels },
        value: setting[factor] ?? 0,
      }),
    ),
    // Seeds and folds are no part of what is in question, so that no importance is given to them.
    attributes: { seed, block: block + 1, ...(fold !== null && { fold: fold + 1 }), run: id },
  };
}

function endedEvent({ outcome, startedAt, endedAt: time }: JournalRun, trial: number): JournalEvent {
  const ended = { type: 'trial_ended', trial, startedAt, time } as const;
  switch (outcome.kind) {
    case 'finished':
      return { ...ended, state: 'complete', value: outcome.value };
    case 'diverged':
    case 'failed':
      return { ...ended, state: 'failed', value: null };
    case 'missing':
      return { ...ended, state: 'pruned', value: null };
    default:
      return assertNever(outcome);
  }
}
