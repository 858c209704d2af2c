/** The facts about a study and its display form: plain data shared by the command line, the host and the page. */
import type { Failure } from '../shared/failure';
import type {
  Estimate,
  StudyAnalysis,
  StudyFactor,
  StudyMetric,
  StudyPlan,
  StudySeeding,
  StudySetting,
  Verdict,
} from './study';

/** Unit of the metric: percentage points, images per second, or a plain number. */
export type MetricUnit = 'points' | 'images_per_second' | 'plain';

/** The state of a study. */
export type StudyState =
  /** Created, but no run has started. */
  | { readonly status: 'waiting' }
  | { readonly status: 'running' }
  /** Stopped by a person, or for the given reason. It can be resumed. */
  | { readonly status: 'stopped'; readonly because: Failure | null }
  /** The process that ran it has ended. It can be resumed. */
  | { readonly status: 'interrupted' }
  | {
      readonly status: 'done';
      /** All blocks were run, all verdicts are decided, or no remaining verdict can change. */
      readonly because: 'full' | 'all_decided' | 'none_can_change';
    }
  | { readonly status: 'failed'; readonly failure: Failure };

/** A planned, running or ended run of a study. Ordered by block and position in the block. */
export interface StudyRunFacts {
  readonly id: string | null;
  /** Absolute path, null while the run is only planned. */
  readonly folder: string | null;
  /** The block and the position in its order, both counted from 0. */
  readonly block: number;
  readonly position: number;
  readonly setting: StudySetting;
  readonly seed: number;
  /** The fold it validates on, counted from 0. Null with shared validation images. */
  readonly fold: number | null;
  readonly status: 'planned' | 'queued' | 'running' | 'finished' | 'diverged' | 'failed' | 'stopped';
  /** In the metric's own unit. Null unless the run finished. */
  readonly value: number | null;
  /** Duration of the run, null if unknown. */
  readonly seconds: number | null;
  /** Whether it existed before the study and was not trained again. */
  readonly isReused: boolean;
}

/** The cost of a level relative to level 0, from a probe that runs alone, or from the runs of a command. */
export interface StudyCost {
  readonly factor: number;
  /** 1 or above. */
  readonly level: number;
  readonly secondsPerEpoch: { readonly with: number; readonly without: number };
  /** Epoch time with the level divided by the time without, for each round of the probe. Missing in older studies. */
  readonly timeRatios?: readonly number[] | undefined;
  /**
   * In place of rounds, for a command: the ratio of epoch times with its 95% interval, from the durations of the study's
   * runs.
   */
  readonly fromRuns?:
    | { readonly runs: number; readonly ratio: number; readonly low: number; readonly high: number }
    | undefined;
  /** Peak memory. Null if the engine does not measure it. */
  readonly memoryBytes: { readonly with: number; readonly without: number } | null;
}

/** Comparison of the chosen set with the reference setting, on seeds that the study did not use. */
export interface StudyConfirmation {
  readonly setting: StudySetting;
  /** Number of finished pairs of runs, each with a fresh seed. */
  readonly seeds: number;
  readonly split: 'test' | 'validation';
  /** Gain of the chosen set, with an interval from the noise of the runs alone. */
  readonly onTheseImages: Estimate;
  /** For new images like these. Null if a run did not keep the correctness per image. */
  readonly onNewImages: Estimate | null;
}

/** All known facts about a study. */
export interface StudyFacts {
  /** Absolute path, which identifies the study. */
  readonly folder: string;
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Absolute paths. Null for the study file if the study was started without one. */
  readonly experimentFile: string;
  readonly studyFile: string | null;
  readonly factors: readonly StudyFactor[];
  /**
   * The value that each level writes into the experiment, by factor, as in the study file. For a trick: `false`, its
   * options, or `true` (as in the experiment, or its defaults). For a key: the value. Null if the study file cannot be
   * read.
   */
  readonly levelValues: readonly (readonly unknown[])[] | null;
  readonly plan: StudyPlan;
  readonly metric: {
    readonly name: StudyMetric;
    readonly higherIsBetter: boolean;
    readonly unit: MetricUnit;
  };
  /** In the metric's unit. */
  readonly smallestEffect: number;
  /** Whether all runs share their validation images, or each block has its own fold. */
  readonly images: 'shared' | 'folds';
  readonly stop: 'when_decided' | 'never';
  readonly state: StudyState;
  readonly runs: readonly StudyRunFacts[];
  /** The analysis of the ended runs, null before the first. */
  readonly analysis: StudyAnalysis | null;
  /** The levels that were probed. The cost of the others is unknown. */
  readonly costs: readonly StudyCost[];
  /** Epochs per run. */
  readonly epochs: number;
  /** For the whole study. Null if unknown, and after its end. */
  readonly secondsLeft: number | null;
  readonly confirmation: StudyConfirmation | null;
  /** The id of the study that this one confirms, null if it confirms none. */
  readonly confirms: string | null;
  /** Whether its budget was raised after a look. Then the error is not controlled. */
  readonly isExtended: boolean;
  /** What is known about the seed of a command. Null for our own trainer. */
  readonly seeding: StudySeeding | null;
}

/** A study's folder: its facts, or why it cannot be read. */
export type KnownStudy =
  | { readonly kind: 'study'; readonly facts: StudyFacts }
  /** Its files are damaged, or were written by a newer version. */
  | { readonly kind: 'damaged'; readonly folder: string; readonly id: string; readonly failure: Failure };

/** A study ready for display, on the page and in reports: formatted texts, and numbers for plots. */
export interface StudyView {
  readonly folder: string;
  readonly id: string;
  readonly name: string;
  /** The experiment file's base name. */
  readonly experiment: string;
  readonly hasStudyFile: boolean;
  readonly metric: string;
  readonly design: string;
  readonly state: {
    readonly status: StudyState['status'];
    readonly text: string;
    readonly failure: Failure | null;
  };
  readonly progress: {
    /** 0 to 1. */
    readonly share: number;
    readonly text: string;
    /** Time left, or the duration. Empty if unknown. */
    readonly time: string;
  };
  /** The limits of the verdicts, the most severe first. */
  readonly notices: readonly StudyNotice[];
  readonly headings: {
    /** Heading of the effect column, such as 'Effect, on new images like these'. */
    readonly effect: string;
    /** Kind of the intervals, such as 'unadjusted 95% intervals'. */
    readonly interval: string;
    /** Title of the table, which says what runs it covers, such as 'Effects among runs that finished'. */
    readonly table: string;
  };
  readonly effects: readonly EffectRow[];
  /** Axis of the forest plot, null if no effect has an interval. */
  readonly axis: ForestAxis | null;
  readonly interactions: {
    /** A summary of the interactions, or why none is fitted. */
    readonly text: string;
    readonly shown: readonly string[];
    readonly pairs: readonly InteractionPlot[];
  };
  readonly noise: string;
  readonly divergences: readonly DivergenceRow[];
  readonly outliers: readonly string[];
  /** Effects on the logarithm of the error, if accuracy is above 97%. */
  readonly logErrors: readonly { readonly label: string; readonly text: string }[];
  /** The best allowed set, its predicted gain, and how far to trust it. */
  readonly chosen: { readonly text: string; readonly gain: string; readonly caution: string } | null;
  readonly confirmation: string | null;
  /** Names of the factors, which are columns of the runs table. */
  readonly factors: readonly string[];
  readonly runs: readonly RunRow[];
  readonly steps: readonly StudyStep[];
}

export interface StudyNotice {
  readonly tone: 'info' | 'warning';
  readonly text: string;
}

/** The verdict of a row, or why there is none. */
export type RowVerdict = Verdict | 'withheld' | 'not_estimated';

/** One level of a factor compared with its first level. */
export interface EffectRow {
  /** Such as 'mixup' or 'optimizer.weight_decay 0.0005'. */
  readonly label: string;
  /** The level it is compared with, such as 'against 0.0001'. Null for a trick that is compared with its absence. */
  readonly against: string | null;
  /** Such as '+0.42 ± 0.18', or a dash if it cannot be estimated. */
  readonly effect: string;
  /** Further estimates, such as 'on these images: +0.42 ± 0.11'. */
  readonly estimates: readonly string[];
  readonly verdict: RowVerdict;
  readonly verdictText: string;
  /** Determines the color of the effect. */
  readonly tone: 'good' | 'bad' | 'small' | 'open';
  /** The aliases of the effect, such as 'may be due to mixup × warmup'. */
  readonly aliases: readonly string[];
  /** Such as '+2% time, +18 MiB', or a dash if it was not probed. */
  readonly cost: string;
  readonly costDetails: readonly string[];
  /** The source's figures, such as '+0.84, +0.62', or a dash if it has none. */
  readonly paper: string;
  readonly paperDetails: readonly string[];
  /** Null without an estimate. Without an interval, all ends equal the value. */
  readonly plot: ForestMark | null;
}

/** In the metric's unit. */
export interface ForestMark {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The interval for these images alone, if the outer one is for new images. */
  readonly inner: { readonly low: number; readonly high: number } | null;
  /** A description of the mark in words. */
  readonly text: string;
}

/** The axis of a forest plot, in the metric's unit. */
export interface ForestAxis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** Half the width of the band of effects too small to matter. */
  readonly smallest: number;
  readonly smallestText: string;
  readonly unit: string;
  /** Whether effects to the right are better. */
  readonly higherIsBetter: boolean;
}

/** A pair's effects relative to neither: two lines over the first factor. */
export interface InteractionPlot {
  readonly label: string;
  readonly text: string;
  readonly estimate: string;
  readonly isShown: boolean;
  /** The horizontal axis: without and with the first factor. */
  readonly first: readonly [string, string];
  /** One line each: without and with the second factor. */
  readonly second: readonly [string, string];
  /** By the second's level, then the first's, in the metric's unit: the gain over neither. */
  readonly values: readonly [readonly [number, number], readonly [number, number]];
  readonly texts: readonly [readonly [string, string], readonly [string, string]];
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

export interface DivergenceRow {
  readonly label: string;
  readonly with: string;
  readonly without: string;
  readonly p: string;
}

/** A row of the runs table. */
export interface RunRow {
  /** Absolute path, null if there is no folder to open. */
  readonly folder: string | null;
  readonly name: string;
  readonly block: string;
  readonly seed: string;
  /** The fold, null with shared images. */
  readonly fold: string | null;
  /** The level of each factor, and whether it is the first. */
  readonly levels: readonly { readonly text: string; readonly isFirst: boolean }[];
  readonly status: StudyRunFacts['status'];
  readonly statusText: string;
  readonly value: string;
  readonly time: string;
  readonly isOutlier: boolean;
}

/** The actions that a person can request for a study. */
export type StudyAction = 'stop' | 'resume' | 'confirm' | 'keep' | 'report';

/** A next step. */
export interface StudyStep {
  readonly text: string;
  /** The command for the terminal, null if there is none. */
  readonly command: string | null;
  readonly action: StudyAction | null;
}
