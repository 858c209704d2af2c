/** Formats a search: its trials as lines, as a table and as JSON. */
import * as l10n from '@vscode/l10n';
import type { SearchRecord, TrialRecord } from '../../searches/record';
import { halvingTrials } from '../../searches/runSearch';
import { counted } from '../../shared/counted';
import { formatDuration } from '../../shared/format';
import { bestTrial } from '../../study/search/asha';
import { metricText } from '../../study/search/metric';
import { higherIsBetter, type Search } from '../../study/search/search';
import { valueText } from '../../study/search/space';

/** The best trial so far and the number of epochs of its result. */
export interface Best {
  readonly trial: TrialRecord;
  readonly epochs: number;
  readonly value: number;
}

export function bestOf(search: Search, record: SearchRecord): Best | null {
  const plan = { rungs: record.rungs, higherIsBetter: higherIsBetter(search.metric) };
  const best = bestTrial(plan, halvingTrials(record.trials));
  const trial = best && record.trials[best.trial.id];
  return best && trial ? { trial, epochs: record.rungs[best.rung] ?? 0, value: best.value } : null;
}

/** Formats a trial's values on one line. */
export function valuesLine({ parameters }: Search, { values }: TrialRecord): string {
  return parameters
    .map((parameter) => `${parameter.key} ${valueText(parameter, values[parameter.key] ?? 0)}`)
    .join(', ');
}

/** Describes how a trial did at a rung. */
export function arrivalLine(
  search: Search,
  rungs: readonly number[],
  trial: TrialRecord,
  rung: number,
): string {
  const value = trial.results[rung];
  const values = valuesLine(search, trial);
  const epochs = rungs[rung] ?? 0;
  return typeof value === 'number'
    ? l10n.t(
        'Trial {0}, epoch {1} of {2}: {3} ({4})',
        trial.id,
        epochs,
        rungs.at(-1) ?? 0,
        metricText(value, search.metric),
        values,
      )
    : l10n.t('Trial {0} failed ({1}): {2}', trial.id, values, trial.failure ?? '');
}

/** Table rows of the trials, best first. Trials that got further come before the others. Failed trials come last. */
export function trialRows(search: Search, { rungs, trials }: SearchRecord): string[][] {
  const sign = higherIsBetter(search.metric) ? -1 : 1;
  const reached = ({ results }: TrialRecord) => results.filter((value) => value !== null).length;
  const failed = ({ results }: TrialRecord) => Number(results.includes(null));
  const last = ({ results }: TrialRecord) => results.findLast((value) => value !== null) ?? null;
  return trials
    .toSorted(
      (a, b) =>
        failed(a) - failed(b) ||
        reached(b) - reached(a) ||
        sign * ((last(a) ?? 0) - (last(b) ?? 0)) ||
        a.id - b.id,
    )
    .map((trial) => {
      const value = last(trial);
      return [
        String(trial.id),
        ...search.parameters.map((parameter) => valueText(parameter, trial.values[parameter.key] ?? 0)),
        String(rungs[reached(trial) - 1] ?? 0),
        value === null ? '-' : metricText(value, search.metric),
        stateText(trial, rungs),
      ];
    });
}

/** The columns of `trialRows`, and which of them are numbers. */
export function trialTitles(search: Search): { readonly titles: string[]; readonly right: number[] } {
  const { parameters, metric } = search;
  const titles = [
    l10n.t('TRIAL'),
    ...parameters.map(({ key }) => key.toUpperCase()),
    l10n.t('EPOCHS'),
    metric.toUpperCase(),
    l10n.t('STATE'),
  ];
  const ranges = parameters.flatMap(({ kind }, index) => (kind === 'range' ? [index + 1] : []));
  return { titles, right: [0, ...ranges, titles.length - 3, titles.length - 2] };
}

function stateText({ results, endedAt, target }: TrialRecord, rungs: readonly number[]): string {
  if (results.includes(null)) return l10n.t('failed');
  if (results.length === rungs.length) return l10n.t('done');
  if (endedAt !== null) return l10n.t('stopped early');
  return target === null ? l10n.t('waiting') : l10n.t('unfinished');
}

/** A search's status for programs, with values as in the experiment. */
export function searchJson(search: Search, record: SearchRecord, folder: string): object {
  const best = bestOf(search, record);
  const { id, state, rungs, seconds } = record;
  return {
    ...{ type: 'search', id, folder, state, metric: search.metric, rungs, seconds },
    best: best && { trial: best.trial.id, epochs: best.epochs, value: best.value },
    trials: record.trials.map((trial) => trialJson(search, trial)),
  };
}

export function trialJson(search: Search, trial: TrialRecord): object {
  const { id, settings, runs, results, failure } = trial;
  const values = Object.fromEntries(
    search.parameters.map((parameter) => {
      const value = trial.values[parameter.key] ?? 0;
      return [parameter.key, parameter.kind === 'range' ? value : parameter.choices[value]?.label];
    }),
  );
  return { trial: id, values, settings, runs, results, ...(failure !== undefined && { failure }) };
}

/** Reports how long a search took and over how many trials. */
export function doneLine({ trials, seconds, rungs }: SearchRecord): string {
  const full = trials.filter(
    ({ results }) => results.length === rungs.length && !results.includes(null),
  ).length;
  return l10n.t(
    'Done: {0} in {1}, {2} of them trained to the end.',
    counted(trials.length, 'trial'),
    formatDuration(seconds),
    full,
  );
}
