import type { StudyFactor, StudyPlan, StudySetting } from '../../protocol/study';

/** Designs by name; `screening` is the smallest one of resolution IV. */
export type NamedDesign = 'auto' | 'screening' | 'full' | 'one_at_a_time' | 'leave_one_out' | 'stack';

/** What a study asks of its design. */
export type DesignWish =
  | { readonly kind: NamedDesign }
  | { readonly kind: 'listed'; readonly settings: readonly StudySetting[] };

export interface DesignRequest {
  readonly factors: readonly StudyFactor[];
  readonly wish: DesignWish;
  /** The budget: a whole number of runs. A plan has at most as many. */
  readonly runs: number;
  /** Of the order within blocks, and of the coordinate exchange. */
  readonly randomSeed: number;
  /** Combinations for which it is false are never run. It is asked thousands of times, so it must be quick. */
  readonly isAllowed?: (setting: StudySetting) => boolean;
  /** 2 unless given. With 1, one block is taken where the budget does not reach two. */
  readonly leastBlocks?: number;
}

/** Why there is no plan. Factors, levels and list entries are given by index. */
export type DesignProblem =
  | { readonly kind: 'no_factors' }
  | { readonly kind: 'one_level'; readonly factor: number }
  /** More factors than a design of this kind is made for. */
  | { readonly kind: 'too_many_factors'; readonly most: number }
  /** A full factorial of more combinations than are ever listed. */
  | { readonly kind: 'too_many_combinations'; readonly most: number }
  | {
      readonly kind: 'budget_too_small';
      /** The smallest number of runs that works, with as many blocks as were asked for (two unless one was). */
      readonly smallestRuns: number;
      /** The same in one block, which takes `leastBlocks: 1`. */
      readonly smallestRunsInOneBlock: number;
    }
  /** No combination of levels is allowed. */
  | { readonly kind: 'no_allowed_setting' }
  /** Every combination that is allowed, or listed, has this level of the factor. */
  | { readonly kind: 'never_varies'; readonly factor: number; readonly level: number }
  /** No combination that is allowed, or listed, has this level. */
  | { readonly kind: 'level_never_run'; readonly factor: number; readonly level: number }
  /** Among the combinations that are allowed, or listed, these factors' effects cannot be told apart. */
  | { readonly kind: 'inseparable'; readonly factors: readonly number[] }
  /** Runs that this kind of design cannot do without are not allowed. */
  | { readonly kind: 'impossible_settings'; readonly settings: readonly StudySetting[] }
  | { readonly kind: 'empty_list' }
  /** An entry of the list with another number of levels than factors, or a level that does not exist. */
  | { readonly kind: 'malformed_setting'; readonly entry: number }
  | { readonly kind: 'repeated_setting'; readonly entries: readonly [number, number] };

export type DesignResult =
  | { readonly kind: 'plan'; readonly plan: StudyPlan }
  | { readonly kind: 'problem'; readonly problem: DesignProblem };

/** An interval with fewer residual degrees of freedom is not shown. */
export const LEAST_DEGREES = 3;

/** A request's factors, each as its number of levels. */
export function levelCounts(factors: readonly StudyFactor[]): number[] {
  return factors.map(({ levels }) => levels.length);
}

/** A setting as text, to compare and to look up. */
export function settingKey(setting: StudySetting): string {
  return setting.join(',');
}
