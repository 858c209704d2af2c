/** What a study file says, as plain data, and what reading one comes to. */
import type { ParseResult } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import type { ExperimentDocument } from '../../experiment/text/document';
import type { StudyFactor, StudyMetric, StudySetting } from '../../protocol/study';
import type { FactsLookup, OwnDatasetRequest } from '../../recipe/datasets';
import type { Recipe } from '../../recipe/recipe';
import type { Path } from '../../shared/path';

/** A factor as its file writes it. */
export interface WrittenFactor {
  /** A trick's name in our words, or a key's path with dots. */
  readonly key: string;
  readonly kind: 'trick' | 'key';
  /**
   * The value of each level. Of a trick the first is false; the others are its options, or `true`: as the experiment has it,
   * or as the paper does where the experiment does without it.
   */
  readonly values: readonly unknown[];
  /** Where it stands in the study file. */
  readonly path: Path;
  /** Where each level stands; that of the factor for levels that are not written. */
  readonly levelPaths: readonly Path[];
}

export const DESIGN_REQUESTS = [
  'auto',
  'screening',
  'full',
  'one_at_a_time',
  'leave_one_out',
  'stack',
] as const;
/** A design by name, or the settings to run, in the order in which they are written. */
export type DesignRequest = (typeof DESIGN_REQUESTS)[number] | readonly StudySetting[];

export type StudyBudget = { readonly runs: number } | { readonly hours: number };

/** What a study file says, with defaults filled in. */
export interface Study {
  readonly name: string;
  /** The experiment file, as written: relative to the study file's folder. */
  readonly experiment: string;
  readonly factors: readonly WrittenFactor[];
  readonly design: DesignRequest;
  readonly budget: StudyBudget;
  readonly blocks: 'auto' | 'folds' | 'seeds';
  readonly metric: StudyMetric;
  /** In the metric's unit; accuracies in points of a percent. */
  readonly smallestEffect: number;
  readonly stop: 'when_decided' | 'never';
  readonly atOnce: 'auto' | number;
}

/** A study's experiment, read without problems. */
export type Baseline = Extract<ParseResult, { ok: true }>;

/** A level of a factor, by index. */
export interface FactorLevel {
  readonly factor: number;
  readonly level: number;
}

/** Two levels that no run has both of. */
export interface Exclusion {
  readonly first: FactorLevel;
  readonly second: FactorLevel;
  /** `impossible`: they cannot be trained together. `redundant`: beside one of them the other changes nothing. */
  readonly why: 'impossible' | 'redundant';
}

/** A change of an experiment file; without a value, what stands at the path is taken out. */
export interface ExperimentChange {
  readonly path: Path;
  readonly value?: unknown;
}

export type SettingExperiment =
  | {
      readonly ok: true;
      /** What the setting has changed in the experiment file. */
      readonly changes: readonly ExperimentChange[];
      /** The experiment file as it would be written for this run, seed included. */
      readonly text: string;
      readonly recipe: Recipe;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What a run of a setting has beside it, such as the fold whose images are its validation. */
export interface SettingSurroundings {
  /** Changes of the experiment file on top of the setting's. */
  readonly changes?: readonly ExperimentChange[];
  /** What is known of the images, where those changes lead to others; the baseline's by default. */
  readonly factsOf?: FactsLookup;
}

/** The settings of a study's factors, in its experiment. */
export interface StudySettings {
  readonly factors: readonly StudyFactor[];
  /** Pairs of levels that are not allowed together, none of them a first level. */
  readonly exclusions: readonly Exclusion[];
  /** Whether a run may have this setting: it can be trained, and each of its levels changes something. */
  isAllowed(setting: StudySetting): boolean;
  /** The recipe of a setting with the baseline's seed; null where it cannot be trained. */
  recipeAt(setting: StudySetting): Recipe | null;
  /** The experiment that a setting leads to. */
  experimentAt(setting: StudySetting, seed: number, surroundings?: SettingSurroundings): SettingExperiment;
}

/** What became of reading the experiment file that a study names. */
export type ExperimentReading =
  | { readonly ok: true; readonly parsed: ParseResult }
  /** `reason` is a sentence, such as that there is no such file. */
  | { readonly ok: false; readonly reason: string };

/** A study that can be run. */
export interface ReadStudy {
  readonly ok: true;
  readonly document: ExperimentDocument;
  readonly study: Study;
  readonly baseline: Baseline;
  readonly settings: StudySettings;
  readonly warnings: readonly Problem[];
}

/** What reading a study file comes to. */
export type StudyParse =
  | ReadStudy
  | {
      readonly ok: false;
      readonly why: 'problems';
      readonly document: ExperimentDocument;
      /** At least one error. */
      readonly problems: readonly Problem[];
      /** What the file says, where it can be told; the problems then are of the experiment or of levels. */
      readonly study: Study | null;
      /** The experiment, where it was read. */
      readonly baseline: Baseline | null;
    }
  /** It has `search` in the place of `factors`: a file for `tricks tune`. */
  | { readonly ok: false; readonly why: 'search'; readonly document: ExperimentDocument }
  /** All that is missing is an index of the experiment's images. */
  | {
      readonly ok: false;
      readonly why: 'unindexed';
      readonly document: ExperimentDocument;
      readonly study: Study;
      readonly request: OwnDatasetRequest;
    };
