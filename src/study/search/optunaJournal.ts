/**
 * Studies and searches as Optuna's journal, which `optuna-dashboard FILE` and its VS Code extension show: one JSON object a
 * line (Optuna 5, `optuna/storages/journal/_storage.py`). The file has one writer and one study.
 */
import { assertNever } from '../../shared/assertNever';

/** What a categorical parameter may be. Optuna's VS Code extension shows nothing for true and false: texts are seen. */
export type JournalChoice = string | number | boolean | null;

/** What a parameter is drawn from. */
export type JournalDistribution =
  | { readonly kind: 'float' | 'int'; readonly low: number; readonly high: number; readonly isLog: boolean }
  | { readonly kind: 'categorical'; readonly choices: readonly JournalChoice[] };

/** A trial's parameter. */
export interface JournalParameter {
  readonly name: string;
  readonly distribution: JournalDistribution;
  /** The number; of a categorical the index of its choice. */
  readonly value: number;
}

/** What happens to a study, in the order in which it does. Trials count from 0; times are milliseconds since 1970. */
export type JournalEvent =
  /** The first event, and the only one of its kind. */
  | {
      readonly type: 'study_created';
      readonly name: string;
      readonly metric: string;
      readonly higherIsBetter: boolean;
    }
  /** Trials are started in the order of their numbers. */
  | {
      readonly type: 'trial_started';
      readonly time: number;
      readonly parameters: readonly JournalParameter[];
      /** Such as the seed: they are no part of what is searched over. */
      readonly attributes: Readonly<Record<string, string | number | readonly (string | number)[]>>;
    }
  | { readonly type: 'value'; readonly trial: number; readonly step: number; readonly value: number }
  | {
      readonly type: 'trial_ended';
      readonly trial: number;
      /** When it was started. */
      readonly startedAt: number;
      readonly time: number;
      readonly state: 'complete' | 'pruned' | 'failed';
      /** Of a complete trial always, of a failed one never. */
      readonly value: number | null;
    };

/** In Optuna's words. */
const OPERATIONS = {
  createStudy: 0,
  studySystemAttribute: 3,
  createTrial: 4,
  trialState: 6,
  value: 7,
} as const;
const RUNNING = 0;
const STATES = { complete: 1, pruned: 2, failed: 3 } as const;
const DIRECTIONS = { minimize: 1, maximize: 2 } as const;

/** The study's id, which counts from 0 over the file. */
const STUDY = 0;

/** Optuna tells its workers apart by it; this file has no other. */
const WORKER = 'bag-of-tricks';

/** An event as whole lines of a journal, each with its line end: to be appended. */
export function journalLines(event: JournalEvent): string {
  return operationsOf(event)
    .map((operation) => `${JSON.stringify({ ...operation, worker_id: WORKER })}\n`)
    .join('');
}

function operationsOf(event: JournalEvent): object[] {
  switch (event.type) {
    case 'study_created': {
      const { name, metric, higherIsBetter } = event;
      const direction = higherIsBetter ? DIRECTIONS.maximize : DIRECTIONS.minimize;
      return [
        { op_code: OPERATIONS.createStudy, study_name: name, directions: [direction] },
        {
          op_code: OPERATIONS.studySystemAttribute,
          study_id: STUDY,
          system_attr: { 'study:metric_names': [metric] },
        },
      ];
    }
    case 'trial_started':
      return [
        {
          op_code: OPERATIONS.createTrial,
          study_id: STUDY,
          datetime_start: timeText(event.time),
          state: RUNNING,
          // With the trial, since the VS Code extension shows the index of a choice that is told later.
          distributions: byName(event.parameters, ({ distribution }) => distributionText(distribution)),
          params: byName(event.parameters, ({ value }) => value),
          user_attrs: event.attributes,
        },
      ];
    case 'value': {
      const { trial, step, value } = event;
      return [{ op_code: OPERATIONS.value, trial_id: trial, step, intermediate_value: value }];
    }
    case 'trial_ended': {
      const { trial, state, value, startedAt, time } = event;
      return [
        {
          op_code: OPERATIONS.trialState,
          trial_id: trial,
          state: STATES[state],
          values: value === null ? null : [value],
          // Again, since the VS Code extension forgets it otherwise.
          datetime_start: timeText(startedAt),
          datetime_complete: timeText(time),
        },
      ];
    }
    default:
      return assertNever(event);
  }
}

/** Optuna's own form, in UTC; a `Z` is not read before Python 3.11. */
function timeText(time: number): string {
  return new Date(time).toISOString().replace('Z', '000+00:00');
}

function byName<Value>(
  parameters: readonly JournalParameter[],
  partOf: (parameter: JournalParameter) => Value,
): Record<string, Value> {
  return Object.fromEntries(parameters.map((parameter) => [parameter.name, partOf(parameter)]));
}

/** A distribution as Optuna writes one, which is JSON in a text. */
export function distributionText(distribution: JournalDistribution): string {
  if (distribution.kind === 'categorical') {
    const { choices } = distribution;
    return JSON.stringify({ name: 'CategoricalDistribution', attributes: { choices } });
  }
  const { kind, low, high, isLog } = distribution;
  return kind === 'int'
    ? JSON.stringify({ name: 'IntDistribution', attributes: { log: isLog, step: 1, low, high } })
    : JSON.stringify({ name: 'FloatDistribution', attributes: { step: null, low, high, log: isLog } });
}
