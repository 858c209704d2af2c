import { strategyOf, USUAL_BLOCKS } from './chooseDesign';
import { effectPrecisions, widestHalfWidth } from './precision';
import type { DesignProblem, DesignRequest } from './request';
import { blocksOf } from './source';

/** The most runs that a budget is sought with. */
const MOST_RUNS = 5_000;

/** No interval is narrower than this many standard errors. */
const LEAST_ERRORS = 1.95;

/** Larger plans may be a little more efficient than the one that a jump is reckoned from. */
const CAUTION = 0.8;

export type BudgetResult =
  | {
      readonly kind: 'budget';
      /** The runs of a plan whose widest expected half-width is at most the one asked for; null where none up to 5,000 has it. */
      readonly runs: number | null;
      /** The fewest runs that give a plan at all. */
      readonly smallestRuns: number;
    }
  | { readonly kind: 'problem'; readonly problem: DesignProblem };

/** What a person wants to see: half-widths of at most `halfWidth`, where runs vary by `sigma` over seeds. */
export interface WantedPrecision {
  readonly sigma: number;
  readonly halfWidth: number;
}

/** The smallest budget whose plan resolves what is wanted, and the smallest that works at all. */
export function budgetFor(request: Omit<DesignRequest, 'runs'>, wanted: WantedPrecision): BudgetResult {
  const strategy = strategyOf(request);
  if ('problem' in strategy) return { kind: 'problem', problem: strategy.problem };
  const least = Math.max(request.leastBlocks ?? USUAL_BLOCKS, 1);
  const smallestRuns = strategy.smallestRuns(least);
  const atLeast = Math.max(least, USUAL_BLOCKS);
  // An effect's variance is at least 4 / runs, which orthogonal designs of two levels have.
  let runs = Math.max(smallestRuns, Math.floor(4 * errorsWanted(wanted) ** 2));
  let seen = 0;
  while (runs <= MOST_RUNS) {
    const choice = strategy.largest(runs, atLeast);
    const used = choice ? choice.source.runsPerBlock * choice.blocks : 0;
    if (choice && used !== seen) {
      seen = used;
      const blocks = blocksOf(choice.source, 0, choice.blocks, request.randomSeed);
      const halfWidth = widestHalfWidth({ blocks }, wanted.sigma);
      if (halfWidth !== null && halfWidth <= wanted.halfWidth)
        return { kind: 'budget', runs: used, smallestRuns };
      const errors = effectPrecisions({ blocks })?.map(({ standardError }) => standardError) ?? [0];
      const enough = CAUTION * used * (Math.max(...errors) * errorsWanted(wanted)) ** 2;
      runs = Math.max(runs, Math.min(Math.floor(enough), MOST_RUNS));
    }
    runs++;
  }
  return { kind: 'budget', runs: null, smallestRuns };
}

/** The standard errors of one run's noise that fit into the half-width at most. */
function errorsWanted({ sigma, halfWidth }: WantedPrecision): number {
  return (LEAST_ERRORS * sigma) / halfWidth;
}
