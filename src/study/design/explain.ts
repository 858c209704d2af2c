import type { DesignKind, StudyPlan } from '../../protocol/study';
import { type PairAlias, pairAliases } from './aliases';
import { allowedSettings } from './allowed';
import { USUAL_BLOCKS } from './chooseDesign';
import { runsOf } from './model';
import { type DesignRequest, LEAST_DEGREES, levelCounts, settingKey } from './request';
import { largestRegular, twoLevelSources } from './twoLevel/selection';

/** Why a request got its plan. */
export type DesignReason =
  /** The request named the design. */
  | 'asked'
  /** The smallest of resolution IV or better. */
  | 'smallest_clear'
  /** The largest within the budget whose effects hold no interaction of two others. */
  | 'largest_clear'
  /** The same, a folded-over Plackett-Burman design: no regular design of resolution IV fits the budget. */
  | 'no_regular_fits'
  /** A folded-over Plackett-Burman design that has at least 1.5 times the runs of the largest regular one that fits. */
  | 'uses_more_of_the_budget'
  /** Of resolution III: nothing better fits the budget. */
  | 'nothing_clear_fits'
  /** A D-optimal subset, since some combinations are impossible. */
  | 'impossible_combinations'
  /** A D-optimal subset, or all combinations, since some factor has three levels or more. */
  | 'several_levels'
  /** More two-level factors than there are tables for. */
  | 'many_factors';

/** What there is to say of a plan, as data: texts are made where they are shown. */
export interface DesignExplanation {
  readonly reason: DesignReason;
  readonly kind: DesignKind;
  readonly resolution: number | null;
  readonly runs: number;
  /** Of the budget. */
  readonly runsLeft: number;
  readonly blocks: number;
  /** Of the first block; blocks of a plan have the same number. */
  readonly runsPerBlock: number;
  readonly differentSettings: number;
  readonly residualDegrees: number;
  readonly efficiency: number | null;
  /** Whether effects get intervals: with at least 3 residual degrees of freedom. */
  readonly hasIntervals: boolean;
  /** One block says nothing of how effects differ between seeds or folds. */
  readonly isOneBlock: boolean;
  /** For each factor whose effect may be due to pairs of others: the pairs with their shares, the largest share first. */
  readonly touchedEffects: readonly {
    readonly factor: number;
    readonly pairs: readonly { readonly pair: readonly [number, number]; readonly share: number }[];
  }[];
  /** Interactions of two-level factors that partly or wholly look like one another. */
  readonly touchedInteractions: readonly PairAlias[];
}

/** Why this plan, how sharp it is, and what is aliased with what. */
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
