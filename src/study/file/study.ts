/** A study file's contents as plain data, and the result of parsing one. */
import type { ParseResult } from '../../experiment/parse';
import type { Problem } from '../../experiment/problem';
import type { ExperimentDocument } from '../../experiment/text/document';
import type { CommandParseResult } from '../../interop/command/parse';
import type { StudyFactor, StudyMetric, StudySetting } from '../../protocol/study';
import { type AnyRecipe, isCommandRecipe } from '../../recipe/anyRecipe';
import type { FactsLookup, OwnDatasetRequest } from '../../recipe/datasets';
import type { Path } from '../../shared/path';

/** A factor as written in the file. */
export interface WrittenFactor {
  /** A trick's name in this product, a name of `trainer.arguments`, or a dotted key path. */
  readonly key: string;
  readonly kind: 'trick' | 'key';
  /**
   * The value of each level. For a trick, the first is false, and the others are its options or `true`. `true` means as
   * in the experiment, or as in the paper if the experiment does not use it.
   */
  readonly values: readonly unknown[];
  /** Position in the study file. */
  readonly path: Path;
  /** Position of each level; the factor's position for levels that are not written. */
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
/** A design by name, or the settings to run in the given order. */
export type DesignRequest = (typeof DESIGN_REQUESTS)[number] | readonly StudySetting[];

export type StudyBudget = { readonly runs: number } | { readonly hours: number };

/** A study file's contents, with defaults filled in. */
export interface Study {
  readonly name: string;
  /** The experiment file, as written: relative to the study file's folder. */
  readonly experiment: string;
  readonly factors: readonly WrittenFactor[];
  readonly design: DesignRequest;
  readonly budget: StudyBudget;
  readonly blocks: 'auto' | 'folds' | 'seeds';
  readonly metric: StudyMetric;
  /** In the metric's unit; accuracies in percentage points. */
  readonly smallestEffect: number;
  readonly stop: 'when_decided' | 'never';
  readonly atOnce: 'auto' | number;
}

/** A study's experiment of our own trainer, parsed without problems. */
export type NetworkBaseline = Extract<ParseResult, { ok: true }>;

/** A study's experiment that trains by a command, parsed without problems. */
export type CommandBaseline = Extract<CommandParseResult, { ok: true }>;

/** A study's experiment, parsed without problems. */
export type Baseline = NetworkBaseline | CommandBaseline;

export function isCommandBaseline(baseline: Baseline): baseline is CommandBaseline {
  return isCommandRecipe(baseline.recipe);
}

/** A level of a factor, by index. */
export interface FactorLevel {
  readonly factor: number;
  readonly level: number;
}

/** Two levels that no run combines. */
export interface Exclusion {
  readonly first: FactorLevel;
  readonly second: FactorLevel;
  /** `impossible`: they cannot be trained together. `redundant`: with one of them, the other changes nothing. */
  readonly why: 'impossible' | 'redundant';
}

/** A change to an experiment file. Without a value, it removes what is at the path. */
export interface ExperimentChange {
  readonly path: Path;
  readonly value?: unknown;
}

export type SettingExperiment =
  | {
      readonly ok: true;
      /** The setting's changes to the experiment file. */
      readonly changes: readonly ExperimentChange[];
      /** The experiment file as it would be written for this run, including the seed. */
      readonly text: string;
      readonly recipe: AnyRecipe;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Run-specific context of a setting, such as the fold with its validation images. */
export interface SettingSurroundings {
  /** Changes to the experiment file on top of the setting's. */
  readonly changes?: readonly ExperimentChange[];
  /** Facts about the images if those changes select different ones. Default: the baseline's. */
  readonly factsOf?: FactsLookup;
}

/** The settings of a study's factors, applied to its experiment. */
export interface StudySettings {
  readonly factors: readonly StudyFactor[];
  /** Pairs of levels that are not allowed together. None of them is a first level. */
  readonly exclusions: readonly Exclusion[];
  /** Whether a run may have this setting: it can be trained, and each of its levels changes something. */
  isAllowed(setting: StudySetting): boolean;
  /** Returns the recipe of a setting with the baseline's seed; null if it cannot be trained. */
  recipeAt(setting: StudySetting): AnyRecipe | null;
  /** Returns the experiment of a setting. */
  experimentAt(setting: StudySetting, seed: number, surroundings?: SettingSurroundings): SettingExperiment;
}

/** Result of reading the experiment file that a study names. */
export type ExperimentReading =
  | { readonly ok: true; readonly parsed: ParseResult | CommandParseResult }
  /** `reason` is a sentence, e.g. that the file does not exist. */
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

/** Result of parsing a study file. */
export type StudyParse =
  | ReadStudy
  | {
      readonly ok: false;
      readonly why: 'problems';
      readonly document: ExperimentDocument;
      /** At least one error. */
      readonly problems: readonly Problem[];
      /** The file's contents, if they could be read. The problems are then in the experiment or the levels. */
      readonly study: Study | null;
      /** The experiment, if it was read. */
      readonly baseline: Baseline | null;
    }
  /** The file has `search` instead of `factors`: it is for `tricks tune`. */
  | { readonly ok: false; readonly why: 'search'; readonly document: ExperimentDocument }
  /** Only the index of the experiment's images is missing. */
  | {
      readonly ok: false;
      readonly why: 'unindexed';
      readonly document: ExperimentDocument;
      readonly study: Study;
      readonly request: OwnDatasetRequest;
    };
