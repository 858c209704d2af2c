/** A search file's contents as plain data: a study file with `search` instead of `factors`. */
import type { StudyMetric } from '../../protocol/study';
import type { Path } from '../../shared/path';

/** `quasi_random` and `random` are built in; the others are Optuna's. */
export const SAMPLERS = ['quasi_random', 'random', 'tpe', 'gp', 'cmaes'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** The samplers that run in Python. */
export type OptunaSamplerName = Exclude<SamplerName, 'quasi_random' | 'random'>;

/** Metrics that a search can optimize: the numbers that every epoch has. Accuracies are in percentage points. */
export const SEARCH_METRICS = [
  'validation_accuracy',
  'averaged_accuracy',
  'validation_loss',
  'macro_f1',
  'balanced_accuracy',
] as const satisfies readonly StudyMetric[];
export type SearchMetric = (typeof SEARCH_METRICS)[number];

/** One of a parameter's possible values. */
export interface SearchChoice {
  /** Display name; `off` or `on` for a trick without options. */
  readonly label: string | number | boolean;
  /** The value at the parameter's path in the experiment. `true` keeps a trick as the experiment has it. */
  readonly value: unknown;
}

/** A parameter that is searched over. */
export type SearchParameter =
  | {
      readonly kind: 'range';
      /** A dotted key, as written. */
      readonly key: string;
      /** Path of its value in the experiment. */
      readonly path: Path;
      readonly low: number;
      readonly high: number;
      /** Whether it is sampled uniformly in log space. */
      readonly isLog: boolean;
      readonly isInteger: boolean;
    }
  | {
      readonly kind: 'choices';
      /** A trick's name or a dotted key, as written. */
      readonly key: string;
      readonly path: Path;
      /** Two or more. */
      readonly choices: readonly SearchChoice[];
    };

export type SearchBudget = { readonly trials: number } | { readonly hours: number };

/** A search with defaults filled in. */
export interface Search {
  readonly name: string;
  /** The experiment file, as written: relative to the search file's folder. */
  readonly experiment: string;
  /** One or more, in file order. */
  readonly parameters: readonly SearchParameter[];
  readonly budget: SearchBudget;
  /** Runs per trial, with different seeds. Their metrics are averaged. */
  readonly seeds: number;
  /** Number of rungs. `auto` uses as many as leave an epoch for the first one. */
  readonly rungs: 'auto' | number;
  /** One in this many trials advances from a rung to the next. */
  readonly reduction: number;
  readonly sampler: SamplerName;
  readonly metric: SearchMetric;
  /** The sampler's seed. */
  readonly seed: number;
  /** Number of trials that train at the same time. */
  readonly atOnce: number;
}

/** A trial's values by parameter key: a number from a range, or the index of a choice. Same format as in Optuna. */
export type TrialValues = Readonly<Record<string, number>>;

/** Whether a higher value of the metric is better. */
export function higherIsBetter(metric: SearchMetric): boolean {
  return metric !== 'validation_loss';
}
