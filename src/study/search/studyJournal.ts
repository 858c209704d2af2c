/** A study of factors in Optuna's journal format. Each run is a trial, so Optuna's importances rank the tricks. */
import type { StudyFactor, StudyRunOutcome, StudySetting } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { type JournalEvent, type JournalParameter, journalLines } from './optunaJournal';

/** A run of a study, with its training times in milliseconds since 1970. */
export interface JournalRun {
  /** Id in the store. */
  readonly id: string;
  /** From 0. */
  readonly block: number;
  readonly setting: StudySetting;
  readonly seed: number;
  /** From 0; null if blocks have no folds. */
  readonly fold: number | null;
  readonly outcome: StudyRunOutcome['outcome'];
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface JournaledStudy {
  readonly name: string;
  readonly metric: { readonly name: string; readonly higherIsBetter: boolean };
  readonly factors: readonly StudyFactor[];
  /** Runs with a known outcome. For a finished study, also the runs that it skipped. */
  readonly runs: readonly JournalRun[];
}

/**
 * Returns the whole journal of a study, as a function of its runs alone. Trials are in the order in which runs ended. A
 * run that ends later therefore only appends lines, and the dashboard can keep reading. A run that diverged or failed
 * is a failed trial, a skipped one a pruned trial.
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
    // Seeds and folds are attributes, not parameters, so that they get no importance.
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
