import type {
  StudyFactor,
  StudyMetric,
  StudyPlan,
  StudyRunOutcome,
  StudySetting,
} from '../../protocol/study';

/** What `analyzeStudy` goes by: the design, and what became of its runs. */
export interface StudyInput {
  readonly factors: readonly StudyFactor[];
  readonly plan: StudyPlan;
  /** How many blocks the study may run; looks count from them. */
  readonly blocksBudgeted: number;
  readonly runs: readonly StudyRunOutcome[];
  readonly metric: {
    readonly name: StudyMetric;
    readonly higherIsBetter: boolean;
    /** Whether it is the share of right answers in points, which correctness by image averages to. */
    readonly isAccuracy: boolean;
  };
  /** In the metric's unit, above 0: an effect below it is too small to matter. */
  readonly smallestEffect: number;
  /** Whether all blocks share their validation images, or each block has its own fold. */
  readonly images: 'shared' | 'folds';
  readonly stop: 'when_decided' | 'never';
  /** Whether a setting can be run; all can where it is left out. */
  readonly isAllowed?: (setting: StudySetting) => boolean;
  /** Blocks were added after the budget was raised. */
  readonly isExtended?: boolean;
}

/** A run that finished, as least squares sees it. */
export interface UsedRun {
  /** Its index in the input. */
  readonly index: number;
  readonly block: number;
  readonly setting: StudySetting;
  readonly seed: number;
  readonly value: number;
  readonly correct: Uint8Array | null;
  readonly loss: number | null;
}
