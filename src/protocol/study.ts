/** The parts of a study and its analysis: plain data shared by files, the command line and the page. */

/** A factor under test. Level 0 is the reference: without the trick, or a key's first value. */
export interface StudyFactor {
  /** A trick's name, or a key's path such as `optimizer.weight_decay`. Unique among the factors. */
  readonly key: string;
  readonly kind: 'trick' | 'key';
  /** Labels of the levels, at least two. Those of a trick without options are `without` and `with`. */
  readonly levels: readonly string[];
}

/** One combination of levels: the level's index, by factor. */
export type StudySetting = readonly number[];

/** Runs that share a seed and, with folds, the fold. The settings are in run order. */
export interface StudyBlock {
  readonly settings: readonly StudySetting[];
}

/** The kinds of designs. The resolution, if there is one, says how the accuracy suffers. */
export type DesignKind =
  | 'full'
  | 'fractional'
  | 'plackett_burman'
  | 'optimal'
  | 'one_at_a_time'
  | 'leave_one_out'
  | 'stack'
  | 'listed';

/** A pair of factors, by index, whose interaction is aliased with an effect. */
export interface StudyAlias {
  /** Index of the factor with the affected effect. */
  readonly factor: number;
  readonly pair: readonly [number, number];
  /** Fraction of the interaction in the effect: 1 or -1 if they are fully aliased, a part otherwise. */
  readonly share: number;
}

/** The settings to run, their blocks, and how well they separate effects. */
export interface StudyPlan {
  readonly kind: DesignKind;
  readonly blocks: readonly StudyBlock[];
  /**
   * Resolution of a two-level design over all blocks: 3, 4, or 5 and more. Null for full factorials and designs without
   * one.
   */
  readonly resolution: number | null;
  readonly aliases: readonly StudyAlias[];
  /** Degrees of freedom that are left for the noise after fitting main effects and blocks. */
  readonly residualDegrees: number;
  /** Determinant as a fraction of the best possible for the same number of runs. Null if it is exact. */
  readonly efficiency: number | null;
}

/** The metric of a study. Any other name refers to a number that a run logs. */
export type StudyMetric =
  | 'validation_accuracy'
  | 'averaged_accuracy'
  | 'validation_loss'
  | 'macro_f1'
  | 'balanced_accuracy'
  | 'images_per_second'
  | (string & {});

/** A run of a study, as input for the analysis. */
export interface StudyRunOutcome {
  /** The block, counted from 0, and the setting that was trained. */
  readonly block: number;
  readonly setting: StudySetting;
  readonly seed: number;
  readonly outcome:
    | {
        readonly kind: 'finished';
        /** In the metric's own unit. Accuracies are in percentage points, 0 to 100. */
        readonly value: number;
        /** 1 for each correctly classified validation image, else 0. Null if the run did not keep it. */
        readonly correct: Uint8Array | null;
        /**
         * The last validation loss, if known. Identical digits for different seeds reveal a trainer that ignores them.
         */
        readonly loss?: number | null;
        /** All losses and accuracies of its log as text, with every digit, to tell whether runs are copies. */
        readonly digits?: string | null;
      }
    | { readonly kind: 'diverged' }
    /** Failed for a reason of its own and will not be run again. Its block counts as done without it. */
    | { readonly kind: 'failed' }
    /** Has not ended. Its block is not done. */
    | { readonly kind: 'missing' };
}

/** What is known about the seed in runs of a command. */
export interface StudySeeding {
  /** Whether the command gets the seed. */
  readonly isPassed: boolean;
  /** Whether the first run and its repetition with the same seed agreed in every digit. */
  readonly sameSeed: 'unknown' | 'equal' | 'different';
  /** The metric of both, in its unit. Null before both have finished. */
  readonly values: readonly [number, number] | null;
}

/** Whether runs with one seed have something in common, so that seeds are blocks. Always so for our own trainer. */
export function areSeedsPaired(seeding: StudySeeding | null | undefined): boolean {
  return !seeding || (seeding.isPassed && seeding.sameSeed !== 'different');
}

/**
 * A value with its 95% interval, in the metric's unit. Not adjusted for the number of factors. If a study looks early,
 * the interval holds at all looks together (a repeated confidence interval) and is wider for that reason.
 */
export interface Estimate {
  readonly value: number;
  /** Null without a residual degree of freedom. */
  readonly standardError: number | null;
  /**
   * Degrees of freedom of the standard error. If it has several parts, from Satterthwaite's formula, and then not an
   * integer.
   */
  readonly degrees: number;
  /** Half the width of the 95% interval. Null with fewer than 3 degrees of freedom. */
  readonly halfWidth: number | null;
}

export type Verdict =
  | 'helps'
  | 'hurts'
  | 'too_small'
  | 'helps_but_too_small'
  | 'hurts_but_too_small'
  | 'undecided';

/** The effect of a level relative to level 0, averaged over the other factors' levels. */
export interface StudyEffect {
  readonly factor: number;
  /** 1 or above. */
  readonly level: number;
  /** Null if the finished runs do not allow an estimate. */
  readonly estimates: {
    /** For these validation images, from the noise of the runs alone. */
    readonly onTheseImages: Estimate;
    /**
     * For new images like these. Null if the metric is not an accuracy, or a run did not keep the correctness per
     * image.
     */
    readonly onNewImages: Estimate | null;
    /**
     * The effect within the chosen set, instead of averaged over the others' levels. Null if no interactions are
     * fitted: then the model assumes that both are equal.
     */
    readonly withinChosen: Estimate | null;
  } | null;
  readonly verdict: Verdict;
  /**
   * Adjusted for the number of effects (Holm), to be compared with 5%. At an early look unadjusted, to be compared with
   * the look's levels. Null without an interval, and if verdicts are withheld.
   */
  readonly pDifferent: number | null;
  readonly pTooSmall: number | null;
  /**
   * Total number of blocks after which the expected half-width is at most half of `smallest_effect`. Only if undecided.
   */
  readonly blocksNeeded: number | null;
  /** If undecided: no number of blocks is enough, because the number of validation images limits the interval. */
  readonly needsMoreImages: boolean;
}

/** How much more the second of two tricks gains with the first than without it. */
export interface StudyInteraction {
  readonly pair: readonly [number, number];
  readonly levels: readonly [number, number];
  /** For new images if every run kept its correctness per image, else for these. */
  readonly estimate: Estimate;
  /**
   * Adjusted over all interactions (Holm). Unadjusted at an early look. Null without an interval, and if verdicts are
   * withheld.
   */
  readonly p: number | null;
  readonly isShown: boolean;
  /** The first's effect without and with the second, then the second's without and with the first. */
  readonly firstWithout: number;
  readonly firstWith: number;
  readonly secondWithout: number;
  readonly secondWith: number;
}

/** Number of divergent runs with a level, and with level 0 of the same factor. */
export interface StudyDivergence {
  readonly factor: number;
  readonly level: number;
  readonly divergedWith: number;
  readonly runsWith: number;
  readonly divergedWithout: number;
  readonly runsWithout: number;
  /** Fisher's exact test, two-sided. */
  readonly p: number;
}

/** The analysis of a study's existing runs. A pure function of them, so it can always be recomputed. */
export interface StudyAnalysis {
  readonly blocksDone: number;
  readonly blocksBudgeted: number;
  readonly runsUsed: number;
  readonly runsDiverged: number;
  /** Whether a higher metric is better. */
  readonly higherIsBetter: boolean;
  /**
   * How an effect treats the other factors: averaged over their levels, or at their levels in the two settings that are
   * compared, for designs that change one factor between two settings (one at a time, leave one out, stack).
   */
  readonly others: 'averaged' | 'as_run';
  readonly effects: readonly StudyEffect[];
  readonly interactions: readonly StudyInteraction[];
  /** Why no interaction is fitted, if none is. */
  readonly interactionsLeftOut: 'none' | 'too_few_degrees' | 'design';
  /** Standard deviation over seeds, in the metric's unit. Null without a residual degree of freedom. */
  readonly noise: {
    readonly standardDeviation: number;
    readonly degrees: number;
    /**
     * Whether the noise may differ between levels that are not run equally often, or between the levels of factors with
     * three or more. Standard errors then allow for it. This often happens by chance, at little cost.
     */
    readonly isUneven: boolean;
  } | null;
  readonly divergences: readonly StudyDivergence[];
  /** The allowed setting with the best prediction, and its predicted gain over the all-reference setting. */
  readonly chosen: { readonly setting: StudySetting; readonly gain: Estimate } | null;
  /** Runs, by index in the input, with a residual larger than the noise of the others explains. */
  readonly outliers: readonly {
    readonly run: number;
    readonly residual: number;
    readonly studentized: number;
  }[];
  /**
   * Only if the mean accuracy is above 97%: the factor by which each level changes the error, from a fit to the log of
   * the error. Its 95% interval on these images is `low` to `high`, null with fewer than 3 degrees of freedom.
   */
  readonly logError:
    | readonly {
        readonly factor: number;
        readonly level: number;
        readonly ratio: number;
        readonly low: number | null;
        readonly high: number | null;
        readonly degrees: number;
      }[]
    | null;
  /** Whether different seeds gave identical digits, so that a trainer seems to ignore its seed. */
  readonly seedsIgnored: boolean;
  /** At looks before the end: whether the study may stop, and why. Null if it does not look early. */
  readonly look: {
    /** The number of the look, from 1, and the total including the last. */
    readonly number: number;
    readonly of: number;
    readonly stop: 'all_decided' | 'none_can_change' | null;
    /** Significance level spent on each effect up to this look. */
    readonly levelUsed: number;
    /** At this look, an effect helps or hurts if its p is at most this. */
    readonly levelDifferent: number;
    /** At this look, an effect is too small if its p is at most this. */
    readonly levelTooSmall: number;
  } | null;
  /** Whether blocks were added by raising the budget. Then the probability of a false verdict is not controlled. */
  readonly isExtended: boolean;
  /**
   * Why verdicts are withheld, null if they are not. `unfinished`: blocks are missing, and the study does not look
   * early. `no_noise`: runs agree in every digit, so their noise is unknown.
   */
  readonly withheld: 'one_block' | 'too_few_degrees' | 'seeds_ignored' | 'unfinished' | 'no_noise' | null;
}
