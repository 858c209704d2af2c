import type { StudyBlock } from '../../protocol/study';
import { strategyOf, USUAL_BLOCKS } from './chooseDesign';
import { effectPrecisions, widestHalfWidth } from './precision';
import type { DesignProblem, DesignRequest } from './request';
import { blocksOf } from './source';
import type { Choice } from './strategy';

/** The most runs that a budget is sought with. */
const MOST_RUNS = 5_000;

/** No interval is narrower than this many standard errors. */
const LEAST_ERRORS = 1.95;

/** Larger plans may be a little more efficient than the one that a jump is reckoned from. */
const CAUTION = 0.8;

/** A sketch that is wider by less than this may stand for a plan that is narrow enough. */
const NEARLY = 1.05;

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
  const isAlone = request.wish.kind === 'one_at_a_time';
  const widthOf = (choice: Choice | null) =>
    choice &&
    widestHalfWidth(
      { blocks: firstBlocks(choice, request.randomSeed), ...(isAlone && { kind: 'one_at_a_time' }) },
      wanted.sigma,
    );
  // An effect's variance is at least 4 / runs, which orthogonal designs of two levels have.
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

/** The standard errors of one run's noise that fit into the half-width at most. */
function errorsWanted({ sigma, halfWidth }: WantedPrecision): number {
  return (LEAST_ERRORS * sigma) / halfWidth;
}
