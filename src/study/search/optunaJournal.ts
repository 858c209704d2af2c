/**
 * Studies and searches in Optuna's journal format for `optuna-dashboard FILE` and Optuna's VS Code extension: one JSON
 * object per line (Optuna 5, `optuna/storages/journal/_storage.py`). The file has a single writer and a single study.
 */
import { assertNever } from '../../shared/assertNever';

/** Values of a categorical parameter. Optuna's VS Code extension displays strings, but not true and false. */
export type JournalChoice = string | number | boolean | null;

/** A parameter's distribution. */
export type JournalDistribution =
  | { readonly kind: 'float' | 'int'; readonly low: number; readonly high: number; readonly isLog: boolean }
  | { readonly kind: 'categorical'; readonly choices: readonly JournalChoice[] };

/** A parameter of a trial. */
export interface JournalParameter {
  readonly name: string;
  readonly distribution: JournalDistribution;
  /** The number; for a categorical, the index of its choice. */
  readonly value: number;
}

/** Events of a study, in order. Trials count from 0. Times are milliseconds since 1970. */
export type JournalEvent =
  /** The first event, and the only one of its kind. */
  | {
      readonly type: 'study_created';
      readonly name: string;
      readonly metric: string;
      readonly higherIsBetter: boolean;
    }
  /** Trials start in order of their numbers. */
  | {
      readonly type: 'trial_started';
      readonly time: number;
      readonly parameters: readonly JournalParameter[];
      /** Attributes such as the seed, which are not searched over. */
      readonly attributes: Readonly<Record<string, string | number | readonly (string | number)[]>>;
    }
  | { readonly type: 'value'; readonly trial: number; readonly step: number; readonly value: number }
  | {
      readonly type: 'trial_ended';
      readonly trial: number;
      /** Start time of the trial. */
      readonly startedAt: number;
      readonly time: number;
      readonly state: 'complete' | 'pruned' | 'failed';
      /** Always set for a complete trial, never for a failed one. */
      readonly value: number | null;
    };

/** Optuna's operation codes. */
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

/** The study's id, counted from 0 within the file. */
const STUDY = 0;

/** Optuna distinguishes its workers by this name. This file has only one. */
const WORKER = 'bag-of-tricks';

/** Serializes an event as whole journal lines, ready to append. */
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
          // Sent with the trial, because the VS Code extension shows a choice that arrives later as its index.
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
          // Repeated, because the VS Code extension otherwise loses it.
          datetime_start: timeText(startedAt),
          datetime_complete: timeText(time),
        },
      ];
    }
    default:
      return assertNever(event);
  }
}

/** Optuna's own format, in UTC. Python before 3.11 cannot parse `Z`. */
function timeText(time: number): string {
  return new Date(time).toISOString().replace('Z', '000+00:00');
}

function byName<Value>(
  parameters: readonly JournalParameter[],
  partOf: (parameter: JournalParameter) => Value,
): Record<string, Value> {
  return Object.fromEntries(parameters.map((parameter) => [parameter.name, partOf(parameter)]));
}

/** Serializes a distribution as Optuna does: JSON in a string. */
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
