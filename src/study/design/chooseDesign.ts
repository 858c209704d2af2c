import type { StudySetting } from '../../protocol/study';
import { assertNever } from '../../shared/assertNever';
import { type AllowedSettings, allowedSettings, MOST_COMBINATIONS, sampleOf } from './allowed';
import { leaveOneOut, oneAtATime, stack } from './fixedDesigns';
import { mainParameters } from './model';
import { optimalStrategy } from './optimal';
import { planOf, residualDegrees } from './plan';
import { factorProblem, impossibleProblem, listProblem, separationProblem } from './problems';
import {
  type DesignProblem,
  type DesignRequest,
  type DesignResult,
  LEAST_DEGREES,
  levelCounts,
} from './request';
import { type BlockSource, blocksOf, repeating } from './source';
import type { Choice, Strategy } from './strategy';
import { MOST_REGULAR_FACTORS } from './twoLevel/generators';
import { MOST_PLACKETT_BURMAN_FACTORS } from './twoLevel/plackettBurman';
import {
  isClear,
  isFull,
  largestDesign,
  largestFull,
  smallestDesign,
  twoLevelSources,
} from './twoLevel/selection';

/** Default number of blocks. A single block does not show how an effect varies with the seed. */
export const USUAL_BLOCKS = 2;

/** Maximum number of main-effect parameters for which a D-optimal design is found within a fraction of a second. */
export const MOST_OPTIMAL_PARAMETERS = 30;

/**
 * Chooses the settings to run for a request, in blocks and in random order within each block. Equal requests give equal
 * plans. The first blocks of a plan equal the plan for fewer runs with the same block size.
 */
export function chooseDesign(request: DesignRequest): DesignResult {
  const result = chooseBlocks(request);
  if (result.kind === 'problem') return result;
  const { source, blocks } = result.choice;
  const chosen = blocksOf(source, 0, blocks, request.randomSeed);
  return { kind: 'plan', plan: planOf(source.kind, chosen, levelCounts(request.factors)) };
}

/** Chooses the source and the number of blocks for a request. Faster than a plan, which also has aliases. */
export function chooseBlocks(
  request: DesignRequest,
): { kind: 'choice'; choice: Choice } | { kind: 'problem'; problem: DesignProblem } {
  const strategy = strategyOf(request);
  if ('problem' in strategy) return { kind: 'problem', problem: strategy.problem };
  const least = Math.max(request.leastBlocks ?? USUAL_BLOCKS, 1);
  // Falls back to one block if two do not fit. Two blocks tell more, however small they are.
  const choice =
    strategy.largest(request.runs, Math.max(least, USUAL_BLOCKS)) ??
    (least < USUAL_BLOCKS ? strategy.largest(request.runs, least) : null);
  if (choice) return { kind: 'choice', choice };
  const problem: DesignProblem = {
    kind: 'budget_too_small',
    smallestRuns: strategy.smallestRuns(least),
    smallestRunsInOneBlock: strategy.smallestRuns(1),
  };
  return { kind: 'problem', problem };
}

/** Returns how a request's kind of design spends its budget, or why it cannot. */
export function strategyOf(
  request: Omit<DesignRequest, 'runs'>,
): Strategy | { readonly problem: DesignProblem } {
  const { wish, randomSeed } = request;
  const levels = levelCounts(request.factors);
  const problem = factorProblem(levels);
  if (problem) return { problem };
  const allowed = allowedSettings(levels, request.isAllowed);
  switch (wish.kind) {
    case 'auto':
    case 'screening': {
      const impossible = separationProblem(sampleOf(allowed), levels);
      if (impossible) return { problem: impossible };
      const isSmallest = wish.kind === 'screening';
      if (suitsTwoLevels(allowed)) {
        const strategy = twoLevelStrategy(levels.length, isSmallest);
        if (allowed.all || !request.isAllowed) return strategy;
        return withFallback(strategy, allowed, optimalStrategy(allowed, isSmallest, randomSeed));
      }
      if (mainParameters(levels) > MOST_OPTIMAL_PARAMETERS)
        return { problem: { kind: 'too_many_factors', most: MOST_OPTIMAL_PARAMETERS } };
      return optimalStrategy(allowed, isSmallest, randomSeed);
    }
    case 'full': {
      if (!allowed.all) return { problem: { kind: 'too_many_combinations', most: MOST_COMBINATIONS } };
      const impossible = separationProblem(allowed.all, levels);
      if (impossible) return { problem: impossible };
      if (suitsTwoLevels(allowed) && levels.length <= MOST_REGULAR_FACTORS)
        return fullStrategy(levels.length);
      return repeatedStrategy(repeating('full', allowed.all), levels);
    }
    case 'one_at_a_time':
      return fixedStrategy(repeating(wish.kind, oneAtATime(levels)), allowed);
    case 'leave_one_out':
      return fixedStrategy(repeating(wish.kind, leaveOneOut(levels)), allowed);
    case 'stack':
      return fixedStrategy(repeating(wish.kind, stack(levels)), allowed);
    case 'listed': {
      const written = listProblem(wish.settings, levels);
      return written ? { problem: written } : fixedStrategy(repeating(wish.kind, wish.settings), allowed);
    }
    default:
      return assertNever(wish);
  }
}

function suitsTwoLevels({ levels, isConstrained }: AllowedSettings): boolean {
  return (
    !isConstrained && levels.every((count) => count === 2) && levels.length <= MOST_PLACKETT_BURMAN_FACTORS
  );
}

function twoLevelStrategy(factors: number, isSmallest: boolean): Strategy {
  const sources = twoLevelSources(factors);
  const demands = (leastBlocks: number) => ({ sources, leastBlocks, leastDegrees: LEAST_DEGREES });
  return {
    largest(runs, leastBlocks) {
      if (!isSmallest) return largestDesign(demands(leastBlocks), runs);
      const smallest = smallestDesign({ ...demands(leastBlocks), isGood: isClear });
      return smallest && smallest.runs <= runs ? smallest : null;
    },
    smallestRuns: (leastBlocks) =>
      runsOfSmallest(smallestDesign({ ...demands(leastBlocks), isGood: isSmallest ? isClear : () => true })),
  };
}

function fullStrategy(factors: number): Strategy {
  const sources = twoLevelSources(factors);
  const demands = (leastBlocks: number) => ({
    sources,
    leastBlocks,
    leastDegrees: leastDegreesOf(leastBlocks),
  });
  return {
    largest: (runs, leastBlocks) => largestFull(demands(leastBlocks), runs),
    smallestRuns: (leastBlocks) =>
      runsOfSmallest(smallestDesign({ ...demands(leastBlocks), isGood: isFull })),
  };
}

/** Repeats the same settings in every block. */
function fixedStrategy(
  source: BlockSource,
  allowed: AllowedSettings,
): Strategy | { readonly problem: DesignProblem } {
  const settings = source.settingsOf(0);
  const problem = impossibleProblem(settings, allowed) ?? separationProblem(settings, allowed.levels);
  return problem ? { problem } : repeatedStrategy(source, allowed.levels);
}

function repeatedStrategy(source: BlockSource, levels: readonly number[]): Strategy {
  const size = source.runsPerBlock;
  const fewest = (leastBlocks: number) => {
    let blocks = leastBlocks;
    while (residualDegrees(blocks * size, blocks, levels) < leastDegreesOf(leastBlocks)) blocks++;
    return blocks;
  };
  return {
    largest(runs, leastBlocks) {
      const blocks = Math.floor(runs / size);
      return blocks >= fewest(leastBlocks) ? { source, blocks } : null;
    },
    smallestRuns: (leastBlocks) => fewest(leastBlocks) * size,
  };
}

/** One block of a design that the user chose gives effects without intervals. That is allowed if requested. */
function leastDegreesOf(leastBlocks: number): number {
  return leastBlocks === 1 ? 0 : LEAST_DEGREES;
}

/**
 * For too many combinations to check each one: falls back to another strategy if the first one's choice contains
 * impossible runs.
 */
function withFallback(first: Strategy, allowed: AllowedSettings, other: Strategy): Strategy {
  const isPossible = ({ source, blocks }: Choice) =>
    Array.from({ length: Math.min(blocks, MOST_DIFFERENT_BLOCKS) }, (_, block) => source.settingsOf(block))
      .flat()
      .every((setting: StudySetting) => allowed.isAllowed(setting));
  return {
    largest(runs, leastBlocks) {
      const choice = first.largest(runs, leastBlocks);
      return choice && isPossible(choice) ? choice : other.largest(runs, leastBlocks);
    },
    smallestRuns(leastBlocks) {
      const runs = first.smallestRuns(leastBlocks);
      const choice = first.largest(runs, leastBlocks);
      const fewer = other.smallestRuns(leastBlocks);
      return choice && isPossible(choice) ? Math.min(runs, fewer) : fewer;
    },
  };
}

/** More than any design's cycle of blocks for this many factors. */
const MOST_DIFFERENT_BLOCKS = 8;

function runsOfSmallest(candidate: { readonly runs: number } | null): number {
  if (!candidate) throw new Error('There is no two-level design for as many factors');
  return candidate.runs;
}
