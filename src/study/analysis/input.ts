import type {
  StudyFactor,
  StudyMetric,
  StudyPlan,
  StudyRunOutcome,
  StudySetting,
} from '../../protocol/study';

/** Input of `analyzeStudy`: the design and the outcomes of its runs. */
export interface StudyInput {
  readonly factors: readonly StudyFactor[];
  readonly plan: StudyPlan;
  /** Maximum number of blocks that the study may run. Looks are scheduled by it. */
  readonly blocksBudgeted: number;
  readonly runs: readonly StudyRunOutcome[];
  readonly metric: {
    readonly name: StudyMetric;
    readonly higherIsBetter: boolean;
    /** Whether it is the accuracy in percentage points, i.e. the average of per-image correctness. */
    readonly isAccuracy: boolean;
  };
  /** In the metric's unit, above 0. Smaller effects do not matter. */
  readonly smallestEffect: number;
  /** Whether all blocks share their validation images, or each block has its own fold. */
  readonly images: 'shared' | 'folds';
  /**
   * Whether runs with one seed have something in common. If not, blocks are not fitted, and the noise includes that of
   * seeds. Default: true.
   */
  readonly areSeedsPaired?: boolean;
  readonly stop: 'when_decided' | 'never';
  /** Whether a setting can be run. If absent, all settings can. */
  readonly isAllowed?: (setting: StudySetting) => boolean;
  /** Whether blocks were added after the budget was raised. */
  readonly isExtended?: boolean;
}

/** A finished run, as input to least squares. */
export interface UsedRun {
  /** Index in the input. */
  readonly index: number;
  readonly block: number;
  readonly setting: StudySetting;
  readonly seed: number;
  readonly value: number;
  readonly correct: Uint8Array | null;
  readonly loss: number | null;
  readonly digits: string | null;
}
