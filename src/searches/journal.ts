import { appendFile } from 'node:fs/promises';
import { journalParameters } from '../study/search/journalOfSearch';
import { type JournalEvent, journalLines } from '../study/search/optunaJournal';
import { higherIsBetter, type Search } from '../study/search/search';
import { assertPlain } from '../system/plainFiles';
import { replaceFile } from '../system/replaceFile';
import { journalPath, type SearchRecord, type TrialRecord } from './record';

/**
 * Rewrites a search's journal from its record. The last appended events may be missing if the search was killed.
 *
 * @throws the file system's error
 */
export async function writeJournal(folder: string, search: Search, record: SearchRecord): Promise<void> {
  const text = journalEvents(search, record).map(journalLines).join('');
  await replaceFile(journalPath(folder), text);
}

/**
 * Appends an event to a search's journal. This process is the only writer.
 *
 * @throws the file system's error
 */
export async function appendToJournal(folder: string, event: JournalEvent): Promise<void> {
  await assertPlain(journalPath(folder));
  await appendFile(journalPath(folder), journalLines(event));
}

/** Returns all events of a search. Each trial's events are in order. */
export function journalEvents(search: Search, record: SearchRecord): JournalEvent[] {
  return [
    {
      type: 'study_created',
      name: record.id,
      metric: search.metric,
      higherIsBetter: higherIsBetter(search.metric),
    },
    ...record.trials.map((trial) => startedEvent(search, trial)),
    ...record.trials.flatMap((trial) =>
      trial.results.flatMap((value, rung) =>
        value === null ? [] : [valueEvent(record, trial, rung, value)],
      ),
    ),
    ...record.trials.flatMap((trial) =>
      trial.endedAt === null ? [] : [endedEvent(record, trial, trial.endedAt)],
    ),
  ];
}

export function startedEvent(search: Search, trial: TrialRecord): JournalEvent {
  const seeds = trial.runs.map(({ seed }) => seed);
  return {
    type: 'trial_started',
    time: trial.startedAt,
    parameters: journalParameters(search, trial.values),
    attributes: {
      seed: seeds.length === 1 ? (seeds[0] ?? 0) : seeds,
      runs: trial.runs.map(({ id }) => id),
    },
  };
}

export function valueEvent(
  { rungs }: Pick<SearchRecord, 'rungs'>,
  trial: TrialRecord,
  rung: number,
  value: number,
): JournalEvent {
  return { type: 'value', trial: trial.id, step: rungs[rung] ?? 0, value };
}

/**
 * Returns the end event of a trial. It failed at a rung, reached the last rung, stayed at an earlier one without a
 * promotion, or was still on its way to the first.
 */
export function endedEvent(
  { rungs }: Pick<SearchRecord, 'rungs'>,
  { id, results, startedAt }: TrialRecord,
  time: number,
): JournalEvent {
  const last = results.at(-1);
  const ended = { type: 'trial_ended', trial: id, startedAt, time } as const;
  if (last === null) return { ...ended, state: 'failed', value: null };
  if (last === undefined) return { ...ended, state: 'pruned', value: null };
  return { ...ended, state: results.length === rungs.length ? 'complete' : 'pruned', value: last };
}
