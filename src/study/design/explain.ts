import type { DesignKind, StudyPlan } from '../../protocol/study';
import { type PairAlias, pairAliases } from './aliases';
import { allowedSettings } from './allowed';
import { USUAL_BLOCKS } from './chooseDesign';
import { runsOf } from './model';
import { type DesignRequest, LEAST_DEGREES, levelCounts, settingKey } from './request';
import { largestRegular, twoLevelSources } from './twoLevel/selection';

/** The reason for a request's plan. */
export type DesignReason =
  /** The request named the design. */
  | 'asked'
  /** The smallest design of resolution IV or better. */
  | 'smallest_clear'
  /** The largest design within the budget whose main effects are clear of two-factor interactions. */
  | 'largest_clear'
  /** Same, but a folded-over Plackett-Burman design, because no regular design of resolution IV fits the budget. */
  | 'no_regular_fits'
  /** A folded-over Plackett-Burman design with at least 1.5 times the runs of the largest regular design that fits. */
  | 'uses_more_of_the_budget'
  /** A design of resolution III, because nothing better fits the budget. */
  | 'nothing_clear_fits'
  /** A D-optimal subset, because some combinations are impossible. */
  | 'impossible_combinations'
  /** A D-optimal subset, or all combinations, because some factor has three or more levels. */
  | 'several_levels'
  /** More two-level factors than the tables cover. */
  | 'many_factors';

/** Facts that explain a plan, as plain data. Text is composed where it is displayed. */
export interface DesignExplanation {
  readonly reason: DesignReason;
  readonly kind: DesignKind;
  readonly resolution: number | null;
  readonly runs: number;
  /** Unused runs of the budget. */
  readonly runsLeft: number;
  readonly blocks: number;
  /** Runs of the first block. All blocks of a plan have the same number. */
  readonly runsPerBlock: number;
  readonly differentSettings: number;
  readonly residualDegrees: number;
  readonly efficiency: number | null;
  /** Whether effects get intervals, which takes at least 3 residual degrees of freedom. */
  readonly hasIntervals: boolean;
  /** Whether there is only one block, which does not show how effects vary between seeds or folds. */
  readonly isOneBlock: boolean;
  /** Factors whose effect may be due to pairs of other factors, with those pairs and their shares, largest first. */
  readonly touchedEffects: readonly {
    readonly factor: number;
    readonly pairs: readonly { readonly pair: readonly [number, number]; readonly share: number }[];
  }[];
  /** Interactions of two-level factors that are partly or fully aliased with each other. */
  readonly touchedInteractions: readonly PairAlias[];
}

/** Explains a plan: its reason, its precision and its aliases. */
export function explainDesign(request: DesignRequest, plan: StudyPlan): DesignExplanation {
  const levels = levelCounts(request.factors);
  const settings = plan.blocks.flatMap((block) => block.settings);
  const runs = runsOf(plan.blocks);
  return {
    reason: reasonOf(request, plan),
    kind: plan.kind,
    resolution: plan.resolution,
    runs,
    runsLeft: Math.max(request.runs - runs, 0),
    blocks: plan.blocks.length,
    runsPerBlock: plan.blocks[0]?.settings.length ?? 0,
    differentSettings: new Set(settings.map(settingKey)).size,
    residualDegrees: plan.residualDegrees,
    efficiency: plan.efficiency,
    hasIntervals: plan.residualDegrees >= LEAST_DEGREES,
    isOneBlock: plan.blocks.length === 1,
    touchedEffects: levels.flatMap((_, factor) => {
      const pairs = plan.aliases
        .filter((alias) => alias.factor === factor)
        .map(({ pair, share }) => ({ pair, share }))
        .sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
      return pairs.length > 0 ? [{ factor, pairs }] : [];
    }),
    touchedInteractions: pairAliases(plan.blocks, levels),
  };
}

function reasonOf(request: DesignRequest, plan: StudyPlan): DesignReason {
  if (request.wish.kind !== 'auto' && request.wish.kind !== 'screening') return 'asked';
  const levels = levelCounts(request.factors);
  if (levels.some((count) => count !== 2)) return 'several_levels';
  if (allowedSettings(levels, request.isAllowed).isConstrained) return 'impossible_combinations';
  if (plan.kind === 'optimal') return request.isAllowed ? 'impossible_combinations' : 'many_factors';
  if (request.wish.kind === 'screening') return 'smallest_clear';
  if (plan.resolution === 3) return 'nothing_clear_fits';
  if (plan.kind !== 'plackett_burman') return 'largest_clear';
  const demands = {
    sources: twoLevelSources(levels.length),
    leastBlocks: Math.max(request.leastBlocks ?? USUAL_BLOCKS, 1),
    leastDegrees: LEAST_DEGREES,
  };
  return largestRegular(demands, request.runs) ? 'uses_more_of_the_budget' : 'no_regular_fits';
}
