/** What a study is made of, and what its analysis says: plain data that files, the command line and the page share. */

/** What is in question. Level 0 is what others are compared with: without the trick, or a key's first value. */
export interface StudyFactor {
  /** A trick's name, or a key's path such as `optimizer.weight_decay`; no two factors have the same. */
  readonly key: string;
  readonly kind: 'trick' | 'key';
  /** How each level is shown: two or more. Those of a trick without options are `without` and `with`. */
  readonly levels: readonly string[];
}

/** One combination of levels: the level's index by factor. */
export type StudySetting = readonly number[];

/** Runs that share a seed, and with folds the fold: settings in the order in which they are run. */
export interface StudyBlock {
  readonly settings: readonly StudySetting[];
}

/** How the accuracy of a design suffers: the resolution where there is one. */
export type DesignKind =
  | 'full'
  | 'fractional'
  | 'plackett_burman'
  | 'optimal'
  | 'one_at_a_time'
  | 'leave_one_out'
  | 'stack'
  | 'listed';

/** Pairs of factors, by index, whose interaction would show up in an effect. */
export interface StudyAlias {
  /** Index of the factor whose effect is touched. */
  readonly factor: number;
  readonly pair: readonly [number, number];
  /** How much of the interaction is in the effect: 1 or -1 where they cannot be told apart, a part of it elsewhere. */
  readonly share: number;
}

/** Which settings are run, in which blocks, and how well they tell effects apart. */
export interface StudyPlan {
  readonly kind: DesignKind;
  readonly blocks: readonly StudyBlock[];
  /** Of two-level designs over all blocks: 3, 4 or 5 and more; null for full factorials and for designs without one. */
  readonly resolution: number | null;
  readonly aliases: readonly StudyAlias[];
  /** Degrees of freedom that remain for the noise, with main effects and blocks fitted. */
  readonly residualDegrees: number;
  /** Share of the best determinant that any design of as many runs could have; null where it is exact. */
  readonly efficiency: number | null;
}

/** What a study measures. Names other than these are of any number that a run logs. */
export type StudyMetric =
  | 'validation_accuracy'
  | 'averaged_accuracy'
  | 'validation_loss'
  | 'macro_f1'
  | 'balanced_accuracy'
  | 'images_per_second'
  | (string & {});

/** A run of a study, as its analysis sees it. */
export interface StudyRunOutcome {
  /** The block, from 0, and the setting that it trained. */
  readonly block: number;
  readonly setting: StudySetting;
  readonly seed: number;
  readonly outcome:
    | {
        readonly kind: 'finished';
        /** In the metric's own unit: accuracies in points of a percent, 0 to 100. */
        readonly value: number;
        /** For each validation image 1 where the answer was right, else 0; null where the run kept none. */
        readonly correct: Uint8Array | null;
        /** The last validation loss where it is known: equal digits of different seeds betray a trainer that ignores them. */
        readonly loss?: number | null;
      }
    | { readonly kind: 'diverged' }
    /** It failed for a reason of its own and will not be run again: its block counts as done without it. */
    | { readonly kind: 'failed' }
    /** It has not ended: its block is not done. */
    | { readonly kind: 'missing' };
}

/**
 * A value with its 95% interval, in the metric's unit. It is not adjusted for the number of factors. Where a study looks
 * early it holds at every look together (a repeated confidence interval), and is wider for it.
 */
export interface Estimate {
  readonly value: number;
  /** null without a residual degree of freedom. */
  readonly standardError: number | null;
  /** Degrees of freedom of the standard error: by Satterthwaite's formula, no whole number, where it has several parts. */
  readonly degrees: number;
  /** Half the width of the 95% interval; null with fewer than 3 degrees of freedom. */
  readonly halfWidth: number | null;
}

export type Verdict =
  | 'helps'
  | 'hurts'
  | 'too_small'
  | 'helps_but_too_small'
  | 'hurts_but_too_small'
  | 'undecided';

/** The effect of one level against level 0, averaged over the other factors' levels. */
export interface StudyEffect {
  readonly factor: number;
  /** 1 or above. */
  readonly level: number;
  /** null where it cannot be estimated from the runs that finished. */
  readonly estimates: {
    /** From the noise of the runs alone: for these validation images. */
    readonly onTheseImages: Estimate;
    /** For new images like these; null where the metric is no accuracy or a run kept no correctness by image. */
    readonly onNewImages: Estimate | null;
    /**
     * The effect within the chosen set, rather than on the average over the others' levels. null where no interactions
     * are fitted: the model then takes both for the same.
     */
    readonly withinChosen: Estimate | null;
  } | null;
  readonly verdict: Verdict;
  /**
   * Adjusted for the number of effects (Holm), to be compared with 5%. At an early look unadjusted, to be compared with
   * the look's levels. null without an interval, and where verdicts are withheld.
   */
  readonly pDifferent: number | null;
  readonly pTooSmall: number | null;
  /** Blocks in all after which the expected half-width is at most half of `smallest_effect`; only where undecided. */
  readonly blocksNeeded: number | null;
  /** Where undecided: no number of blocks is enough, since the number of validation images limits the interval. */
  readonly needsMoreImages: boolean;
}

/** How much more the last of two tricks is worth together than apart. */
export interface StudyInteraction {
  readonly pair: readonly [number, number];
  readonly levels: readonly [number, number];
  /** For new images where every run kept its correctness by image, else for these. */
  readonly estimate: Estimate;
  /** Holm over all interactions; at an early look unadjusted. null without an interval, and where verdicts are withheld. */
  readonly p: number | null;
  readonly isShown: boolean;
  /** The first's effect without and with the second, and the second's without and with the first. */
  readonly firstWithout: number;
  readonly firstWith: number;
  readonly secondWithout: number;
  readonly secondWith: number;
}

/** How often runs diverged with a level, and with level 0 of the same factor. */
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

/** What the runs of a study that are there say. A pure function of them: it can always be computed again. */
export interface StudyAnalysis {
  readonly blocksDone: number;
  readonly blocksBudgeted: number;
  readonly runsUsed: number;
  readonly runsDiverged: number;
  /** Whether bigger is better of the metric. */
  readonly higherIsBetter: boolean;
  /**
   * What an effect takes of the other factors: the average over their levels; or, of designs that change one factor between
   * two settings (one at a time, leave one out, stack), their levels in these two.
   */
  readonly others: 'averaged' | 'as_run';
  readonly effects: readonly StudyEffect[];
  readonly interactions: readonly StudyInteraction[];
  /** Why no interaction is fitted, where none is. */
  readonly interactionsLeftOut: 'none' | 'too_few_degrees' | 'design';
  /** Standard deviation over seeds, in the metric's unit; null with no residual degree of freedom. */
  readonly noise: {
    readonly standardDeviation: number;
    readonly degrees: number;
    /**
     * Whether it may differ between levels that are not run equally often, or of factors with three and more: standard
     * errors then allow for it. Often so by chance, at little cost.
     */
    readonly isUneven: boolean;
  } | null;
  readonly divergences: readonly StudyDivergence[];
  /** The allowed setting with the best prediction, and what it is predicted to gain over the all-reference setting. */
  readonly chosen: { readonly setting: StudySetting; readonly gain: Estimate } | null;
  /** Runs, by their index in the input, whose residual is larger than noise of the others explains. */
  readonly outliers: readonly {
    readonly run: number;
    readonly residual: number;
    readonly studentized: number;
  }[];
  /**
   * Where the mean accuracy is above 97%: the factor by which each level changes the error, from a fit to the log of the
   * error. Its 95% interval on these images is `low` to `high`; null with fewer than 3 degrees of freedom.
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
  /** Whether different seeds gave the same digits, so that a trainer seems to ignore its seed. */
  readonly seedsIgnored: boolean;
  /** At looks before the end: whether the study may stop, and why. null where it does not look early. */
  readonly look: {
    /** Which look it is, from 1, and how many there are with the last. */
    readonly number: number;
    readonly of: number;
    readonly stop: 'all_decided' | 'none_can_change' | null;
    /** Significance level that was spent up to this look, of each effect. */
    readonly levelUsed: number;
    /** At this look an effect helps or hurts where its p is at most this. */
    readonly levelDifferent: number;
    /** At this look an effect is too small where its p is at most this. */
    readonly levelTooSmall: number;
  } | null;
  /** Blocks were added after the budget was raised: the chance of a false verdict is not controlled. */
  readonly isExtended: boolean;
  /**
   * Why verdicts are withheld, where they are. `unfinished`: blocks are missing, and the study does not look early.
   * `no_noise`: runs agree in every digit, so that their noise is unknown.
   */
  readonly withheld: 'one_block' | 'too_few_degrees' | 'seeds_ignored' | 'unfinished' | 'no_noise' | null;
}
