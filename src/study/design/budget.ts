import type { StudyBlock } from '../../protocol/study';
import { strategyOf, USUAL_BLOCKS } from './chooseDesign';
import { effectPrecisions, widestHalfWidth } from './precision';
import type { DesignProblem, DesignRequest } from './request';
import { blocksOf } from './source';
import type { Choice } from './strategy';

/** Upper limit of the budget search. */
const MOST_RUNS = 5_000;

/** A lower bound: no interval's half-width is below this many standard errors. */
const LEAST_ERRORS = 1.95;

/** Safety factor, because larger plans may be slightly more efficient than the one that a jump is computed from. */
const CAUTION = 0.8;

/** A sketch within this factor may still belong to a plan that is narrow enough. */
const NEARLY = 1.05;

export type BudgetResult =
  | {
      readonly kind: 'budget';
      /**
       * Runs of the smallest plan whose widest expected half-width is at most the requested one; null if no plan of up
       * to 5,000 runs achieves it.
       */
      readonly runs: number | null;
      /** The fewest runs for any plan. */
      readonly smallestRuns: number;
    }
  | { readonly kind: 'problem'; readonly problem: DesignProblem };

/** The precision that the user wants: half-widths of at most `halfWidth`, if runs vary by `sigma` over seeds. */
export interface WantedPrecision {
  readonly sigma: number;
  readonly halfWidth: number;
}

/** Returns the smallest budget whose plan reaches the wanted precision, and the smallest that works at all. */
export function budgetFor(request: Omit<DesignRequest, 'runs'>, wanted: WantedPrecision): BudgetResult {
  const strategy = strategyOf(request);
  if ('problem' in strategy) return { kind: 'problem', problem: strategy.problem };
  const least = Math.max(request.leastBlocks ?? USUAL_BLOCKS, 1);
  const smallestRuns = strategy.smallestRuns(least);
  const atLeast = Math.max(least, USUAL_BLOCKS);
  const isAlone = request.wish.kind === 'one_at_a_time';
  const widthOf = (choice: Choice | null) =>
    choice &&
    widestHalfWidth(
      { blocks: firstBlocks(choice, request.randomSeed), ...(isAlone && { kind: 'one_at_a_time' }) },
      wanted.sigma,
    );
  // An effect's variance is at least 4 / runs, the value of orthogonal two-level designs.
  let runs = Math.max(smallestRuns, Math.floor(4 * errorsWanted(wanted) ** 2));
  let seen = 0;
  for (; runs <= MOST_RUNS; runs++) {
    const choice = strategy.sketch ? strategy.sketch(runs, atLeast) : strategy.largest(runs, atLeast);
    const used = choice ? choice.source.runsPerBlock * choice.blocks : 0;
    if (!choice || used === seen) continue;
    seen = used;
    const halfWidth = widthOf(choice);
    if (halfWidth !== null && halfWidth <= NEARLY * wanted.halfWidth) {
      const exact = strategy.sketch ? widthOf(strategy.largest(runs, atLeast)) : halfWidth;
      if (exact !== null && exact <= wanted.halfWidth) return { kind: 'budget', runs: used, smallestRuns };
    }
    const precisions = effectPrecisions({ blocks: firstBlocks(choice, request.randomSeed) }) ?? [];
    const error = Math.max(...precisions.map(({ standardError }) => standardError), 0);
    const enough = CAUTION * used * (error * errorsWanted(wanted)) ** 2;
    runs = Math.max(runs, Math.min(Math.floor(enough), MOST_RUNS));
  }
  return { kind: 'budget', runs: null, smallestRuns };
}

function firstBlocks({ source, blocks }: Choice, randomSeed: number): StudyBlock[] {
  return blocksOf(source, 0, blocks, randomSeed);
}

/** Returns an upper bound on the half-width in standard deviations of one run's noise. */
function errorsWanted({ sigma, halfWidth }: WantedPrecision): number {
  return (LEAST_ERRORS * sigma) / halfWidth;
}
