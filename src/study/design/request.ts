import type { StudyFactor, StudyPlan, StudySetting } from '../../protocol/study';

/** Designs by name. `screening` is the smallest design of resolution IV. */
export type NamedDesign = 'auto' | 'screening' | 'full' | 'one_at_a_time' | 'leave_one_out' | 'stack';

/** A study's choice of design. */
export type DesignWish =
  | { readonly kind: NamedDesign }
  | { readonly kind: 'listed'; readonly settings: readonly StudySetting[] };

export interface DesignRequest {
  readonly factors: readonly StudyFactor[];
  readonly wish: DesignWish;
  /** The budget as a whole number of runs: the maximum for a plan. */
  readonly runs: number;
  /** Seed for the order within blocks and for the coordinate exchange. */
  readonly randomSeed: number;
  /** Combinations for which it returns false are never run. It is called thousands of times, so it must be fast. */
  readonly isAllowed?: (setting: StudySetting) => boolean;
  /** Default: 2. With 1, a single block is used if the budget does not cover two. */
  readonly leastBlocks?: number;
}

/** Why there is no plan. Factors, levels and list entries are identified by index. */
export type DesignProblem =
  | { readonly kind: 'no_factors' }
  | { readonly kind: 'one_level'; readonly factor: number }
  /** More factors than this kind of design supports. */
  | { readonly kind: 'too_many_factors'; readonly most: number }
  /** A full factorial with too many combinations to enumerate. */
  | { readonly kind: 'too_many_combinations'; readonly most: number }
  | {
      readonly kind: 'budget_too_small';
      /** The smallest workable number of runs, with the requested number of blocks (two unless one was requested). */
      readonly smallestRuns: number;
      /** The same for one block, which requires `leastBlocks: 1`. */
      readonly smallestRunsInOneBlock: number;
    }
  /** No combination of levels is allowed. */
  | { readonly kind: 'no_allowed_setting' }
  /** Every allowed or listed combination has this level of the factor. */
  | { readonly kind: 'never_varies'; readonly factor: number; readonly level: number }
  /** No allowed or listed combination has this level. */
  | { readonly kind: 'level_never_run'; readonly factor: number; readonly level: number }
  /** The allowed or listed combinations cannot separate the effects of these factors. */
  | { readonly kind: 'inseparable'; readonly factors: readonly number[] }
  /** Runs that this kind of design requires are not allowed. */
  | { readonly kind: 'impossible_settings'; readonly settings: readonly StudySetting[] }
  | { readonly kind: 'empty_list' }
  /** A list entry whose number of levels differs from the number of factors, or with a nonexistent level. */
  | { readonly kind: 'malformed_setting'; readonly entry: number }
  | { readonly kind: 'repeated_setting'; readonly entries: readonly [number, number] };

export type DesignResult =
  | { readonly kind: 'plan'; readonly plan: StudyPlan }
  | { readonly kind: 'problem'; readonly problem: DesignProblem };

/** Intervals with fewer residual degrees of freedom are not shown. */
export const LEAST_DEGREES = 3;

/** Returns the number of levels of each factor. */
export function levelCounts(factors: readonly StudyFactor[]): number[] {
  return factors.map(({ levels }) => levels.length);
}

/** Serializes a setting for comparison and lookup. */
export function settingKey(setting: StudySetting): string {
  return setting.join(',');
}
