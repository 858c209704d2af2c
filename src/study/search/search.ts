/** What a search file says, as plain data: a study file with `search` in the place of `factors`. */
import type { StudyMetric } from '../../protocol/study';
import type { Path } from '../../shared/path';

/** `quasi_random` and `random` are built in; the others are Optuna's. */
export const SAMPLERS = ['quasi_random', 'random', 'tpe', 'gp', 'cmaes'] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** The samplers that run in Python. */
export type OptunaSamplerName = Exclude<SamplerName, 'quasi_random' | 'random'>;

/** What a search can be by: the numbers that every epoch has. Accuracies are in points of a percent. */
export const SEARCH_METRICS = [
  'validation_accuracy',
  'averaged_accuracy',
  'validation_loss',
  'macro_f1',
  'balanced_accuracy',
] as const satisfies readonly StudyMetric[];
export type SearchMetric = (typeof SEARCH_METRICS)[number];

/** One of the values that a parameter may have. */
export interface SearchChoice {
  /** What it is called: that of a trick without options is `off` or `on`. */
  readonly label: string | number | boolean;
  /** What the experiment then has at the parameter's path; `true` leaves a trick as the experiment has it. */
  readonly value: unknown;
}

/** What is searched over. */
export type SearchParameter =
  | {
      readonly kind: 'range';
      /** As written: a key with dots. */
      readonly key: string;
      /** Where its value stands in the experiment. */
      readonly path: Path;
      readonly low: number;
      readonly high: number;
      /** Whether its logarithm is drawn evenly. */
      readonly isLog: boolean;
      readonly isInteger: boolean;
    }
  | {
      readonly kind: 'choices';
      /** As written: a trick's name, or a key with dots. */
      readonly key: string;
      readonly path: Path;
      /** Two or more. */
      readonly choices: readonly SearchChoice[];
    };

export type SearchBudget = { readonly trials: number } | { readonly hours: number };

/** A search, its defaults filled in. */
export interface Search {
  readonly name: string;
  /** The experiment file, as written: relative to the search file's folder. */
  readonly experiment: string;
  /** One or more, in the order of the file. */
  readonly parameters: readonly SearchParameter[];
  readonly budget: SearchBudget;
  /** Runs of each trial, of different seeds, whose metrics are averaged. */
  readonly seeds: number;
  /** How many rungs; `auto` takes all that leave an epoch for the first one. */
  readonly rungs: 'auto' | number;
  /** One of so many trials goes on from a rung to the next. */
  readonly reduction: number;
  readonly sampler: SamplerName;
  readonly metric: SearchMetric;
  /** Of the sampler. */
  readonly seed: number;
  /** Trials that train at the same time. */
  readonly atOnce: number;
}

/** A trial's values by the parameters' keys: a number of a range, or the index of a choice. As Optuna stores them. */
export type TrialValues = Readonly<Record<string, number>>;

/** Whether more of a metric is better. */
export function higherIsBetter(metric: SearchMetric): boolean {
  return metric !== 'validation_loss';
}
