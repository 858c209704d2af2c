/** What is known of a study, and what is drawn of it: plain data that the command line, the host and the page share. */
import type { Failure } from '../shared/failure';
import type { Estimate, StudyAnalysis, StudyFactor, StudyMetric, StudyPlan, StudySetting } from './study';

/** What the metric is counted in: points of a percent, images per second, or a number of its own. */
export type MetricUnit = 'points' | 'images_per_second' | 'plain';

/** Where a study stands. */
export type StudyState =
  /** It was written down, and no run of it has started. */
  | { readonly status: 'waiting' }
  | { readonly status: 'running' }
  /** A person stopped it: it can be resumed. */
  | { readonly status: 'stopped' }
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
  /** Whether its budget was raised after a look: the error is then not controlled. */
  readonly isExtended: boolean;
}

/** A study's folder: read, or why it cannot be. */
export type KnownStudy =
  | { readonly kind: 'study'; readonly facts: StudyFacts }
  /** Its files are damaged, or of a newer version. */
  | { readonly kind: 'damaged'; readonly folder: string; readonly id: string; readonly failure: Failure };
