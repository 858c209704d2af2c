/** What is known of a study, and what is drawn of it: plain data that the command line, the host and the page share. */
import type { Failure } from '../shared/failure';
import type {
  Estimate,
  StudyAnalysis,
  StudyFactor,
  StudyMetric,
  StudyPlan,
  StudySetting,
  Verdict,
} from './study';

/** What the metric is counted in: points of a percent, images per second, or a number of its own. */
export type MetricUnit = 'points' | 'images_per_second' | 'plain';

/** Where a study stands. */
export type StudyState =
  /** It was written down, and no run of it has started. */
  | { readonly status: 'waiting' }
  | { readonly status: 'running' }
  /** By a person, or for the reason that is given: it can be resumed. */
  | { readonly status: 'stopped'; readonly because: Failure | null }
  /** The process that ran it is gone: it can be resumed. */
  | { readonly status: 'interrupted' }
  | {
      readonly status: 'done';
      /** All blocks were run; all verdicts are decided; no remaining verdict can change. */
      readonly because: 'full' | 'all_decided' | 'none_can_change';
    }
  | { readonly status: 'failed'; readonly failure: Failure };

/** A run of a study: planned, under way or ended. In the order of blocks and of positions within them. */
export interface StudyRunFacts {
  readonly id: string | null;
  /** Absolute; null while the run is only planned. */
  readonly folder: string | null;
  /** The block, from 0, and the place in its order, from 0. */
  readonly block: number;
  readonly position: number;
  readonly setting: StudySetting;
  readonly seed: number;
  /** The fold that it validates on, from 0; null with shared validation images. */
  readonly fold: number | null;
  readonly status: 'planned' | 'queued' | 'running' | 'finished' | 'diverged' | 'failed' | 'stopped';
  /** In the metric's own unit; null unless it finished. */
  readonly value: number | null;
  /** How long it took; null while it is not known. */
  readonly seconds: number | null;
  /** Whether it was there before the study, and so was not trained again. */
  readonly isReused: boolean;
}

/** What a level costs beside level 0, from a probe that runs alone. */
export interface StudyCost {
  readonly factor: number;
  /** 1 or above. */
  readonly level: number;
  readonly secondsPerEpoch: { readonly with: number; readonly without: number };
  /** Time of an epoch with over without, within each round of the probe; studies of before have none. */
  readonly timeRatios?: readonly number[] | undefined;
  /** At the peak; null where the engine does not count it. */
  readonly memoryBytes: { readonly with: number; readonly without: number } | null;
}

/** The chosen set against the reference setting, on seeds that the study did not use. */
export interface StudyConfirmation {
  readonly setting: StudySetting;
  /** Pairs of runs that finished, each of a fresh seed. */
  readonly seeds: number;
  readonly split: 'test' | 'validation';
  /** How much better the chosen set is, from the noise of the runs alone. */
  readonly onTheseImages: Estimate;
  /** For new images like these; null where a run kept no correctness by image. */
  readonly onNewImages: Estimate | null;
}

/** All that is known of a study. */
export interface StudyFacts {
  /** Absolute; what the study is known by. */
  readonly folder: string;
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Absolute paths; a study that was started without a file has none. */
  readonly experimentFile: string;
  readonly studyFile: string | null;
  readonly factors: readonly StudyFactor[];
  /**
   * What each level writes into the experiment, by factor, as the study file has it: of a trick `false`, its options, or
   * `true` (as the experiment has it, or its defaults); of a key the value. null where the study file cannot be read.
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
  /** Whether all runs share their validation images, or each block has a fold of its own. */
  readonly images: 'shared' | 'folds';
  readonly stop: 'when_decided' | 'never';
  readonly state: StudyState;
  readonly runs: readonly StudyRunFacts[];
  /** Of the runs that ended; null before the first. */
  readonly analysis: StudyAnalysis | null;
  /** Levels that were probed; the others' cost is not known. */
  readonly costs: readonly StudyCost[];
  /** Epochs of each run. */
  readonly epochs: number;
  /** Of the whole study; null while it is not known, and once it has ended. */
  readonly secondsLeft: number | null;
  readonly confirmation: StudyConfirmation | null;
  /** The id of the study that this one confirms; null of all others. */
  readonly confirms: string | null;
  /** Whether its budget was raised after a look: the error is then not controlled. */
  readonly isExtended: boolean;
}

/** A study's folder: read, or why it cannot be. */
export type KnownStudy =
  | { readonly kind: 'study'; readonly facts: StudyFacts }
  /** Its files are damaged, or of a newer version. */
  | { readonly kind: 'damaged'; readonly folder: string; readonly id: string; readonly failure: Failure };

/** A study as it is drawn, by the page and in reports: finished texts, and numbers for plots. */
export interface StudyView {
  readonly folder: string;
  readonly id: string;
  readonly name: string;
  /** The experiment file's name, without its folder. */
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
    /** Time left, or how long it took; empty where it is not known. */
    readonly time: string;
  };
  /** What limits the verdicts, the gravest first. */
  readonly notices: readonly StudyNotice[];
  readonly headings: {
    /** Of the column of effects, such as 'Effect, on new images like these'. */
    readonly effect: string;
    /** What the intervals are, such as 'unadjusted 95% intervals'. */
    readonly interval: string;
    /** Of which runs, such as 'Effects among runs that finished'. */
    readonly table: string;
  };
  readonly effects: readonly EffectRow[];
  /** Of the forest plot; null while no effect has an interval. */
  readonly axis: ForestAxis | null;
  readonly interactions: {
    /** Which interactions there are, or why none is fitted. */
    readonly text: string;
    readonly shown: readonly string[];
    readonly pairs: readonly InteractionPlot[];
  };
  readonly noise: string;
  readonly divergences: readonly DivergenceRow[];
  readonly outliers: readonly string[];
  /** Effects on the error's logarithm, where the accuracy is above 97%. */
  readonly logErrors: readonly { readonly label: string; readonly text: string }[];
  /** The best allowed set, what it is predicted to gain, and how far that can be trusted. */
  readonly chosen: { readonly text: string; readonly gain: string; readonly caution: string } | null;
  readonly confirmation: string | null;
  /** Names of the factors: columns of the runs' table. */
  readonly factors: readonly string[];
  readonly runs: readonly RunRow[];
  readonly steps: readonly StudyStep[];
}

export interface StudyNotice {
  readonly tone: 'info' | 'warning';
  readonly text: string;
}

/** What a row says of its effect: a verdict, or why there is none. */
export type RowVerdict = Verdict | 'withheld' | 'not_estimated';

/** One level of a factor against its first level. */
export interface EffectRow {
  /** Such as 'mixup' or 'optimizer.weight_decay 0.0005'. */
  readonly label: string;
  /** What it is compared with, such as 'against 0.0001'; null for a trick, which is compared with none. */
  readonly against: string | null;
  /** Such as '+0.42 ± 0.18'; a dash where it cannot be estimated. */
  readonly effect: string;
  /** Further estimates, such as 'on these images: +0.42 ± 0.11'. */
  readonly estimates: readonly string[];
  readonly verdict: RowVerdict;
  readonly verdictText: string;
  /** Whether the effect is good news, for its colour. */
  readonly tone: 'good' | 'bad' | 'small' | 'open';
  /** What the effect may be due to instead, such as 'may be due to mixup × warmup'. */
  readonly aliases: readonly string[];
  /** Such as '+2% time, +18 MiB'; a dash where it was not probed. */
  readonly cost: string;
  readonly costDetails: readonly string[];
  /** What its source reports, such as '+0.84, +0.62'; a dash where it has no figure. */
  readonly paper: string;
  readonly paperDetails: readonly string[];
  /** null where there is no estimate; without an interval all ends are the value. */
  readonly plot: ForestMark | null;
}

/** In the metric's unit. */
export interface ForestMark {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The interval for these images alone, where the other is for new ones. */
  readonly inner: { readonly low: number; readonly high: number } | null;
  /** What the mark shows, in words. */
  readonly text: string;
}

/** What a forest plot is drawn on, in the metric's unit. */
export interface ForestAxis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** Half the width of the band of effects too small to matter. */
  readonly smallest: number;
  readonly smallestText: string;
  readonly unit: string;
  /** Whether effects on the right are better. */
  readonly higherIsBetter: boolean;
}

/** A pair's effects relative to neither: two lines over the first factor. */
export interface InteractionPlot {
  readonly label: string;
  readonly text: string;
  readonly estimate: string;
  readonly isShown: boolean;
  /** The horizontal axis: without and with the first. */
  readonly first: readonly [string, string];
  /** One line each: without and with the second. */
  readonly second: readonly [string, string];
  /** By the second's level, then the first's, in the metric's unit: what was gained over neither. */
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

/** A run in the table of runs. */
export interface RunRow {
  /** Absolute; null while there is none to open. */
  readonly folder: string | null;
  readonly name: string;
  readonly block: string;
  readonly seed: string;
  /** The fold, or null with shared images. */
  readonly fold: string | null;
  /** A level of each factor, and whether it is the first one. */
  readonly levels: readonly { readonly text: string; readonly isFirst: boolean }[];
  readonly status: StudyRunFacts['status'];
  readonly statusText: string;
  readonly value: string;
  readonly time: string;
  readonly isOutlier: boolean;
}

/** What a person can ask of a study. */
export type StudyAction = 'stop' | 'resume' | 'confirm' | 'keep' | 'report';

/** What to do next. */
export interface StudyStep {
  readonly text: string;
  /** For the command line; null where there is none. */
  readonly command: string | null;
  readonly action: StudyAction | null;
}
