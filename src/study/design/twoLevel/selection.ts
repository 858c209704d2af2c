import { residualDegrees } from '../plan';
import { LEAST_DEGREES } from '../request';
import { compareAberration, resolutionOf, type TwoLevelSource, type WordLengths } from './aberration';
import { plackettBurmanSources } from './plackettBurman';
import { regularFractions, regularSource } from './regular';

/** A number of blocks of a two-level source, with the properties that matter for the choice. */
export interface Candidate {
  readonly source: TwoLevelSource;
  readonly blocks: number;
  readonly runs: number;
  readonly lengths: WordLengths;
  readonly degrees: number;
}

/** The available sources for a number of factors. */
export interface TwoLevelSources {
  readonly factors: number;
  readonly regular: readonly TwoLevelSource[];
  readonly plackettBurman: readonly TwoLevelSource[];
}

/** Requirements on candidates. */
export interface Demands {
  readonly sources: TwoLevelSources;
  readonly leastBlocks: number;
  readonly leastDegrees: number;
  readonly isGood: (candidate: Candidate) => boolean;
}

/**
 * A folded-over Plackett-Burman design is preferred over a regular one if it uses this many times more of the budget.
 * All its interactions are partly aliased with each other, so a little more precision is not worth it.
 */
const WORTH_PLACKETT_BURMAN = 1.5;

/** Resolution IV or better: no main effect is aliased with two-factor interactions. */
export function isClear({ lengths }: Candidate): boolean {
  const resolution = resolutionOf(lengths);
  return resolution === null || resolution >= 4;
}

/** Whether every combination occurs equally often. */
export function isFull({ lengths, source }: Candidate): boolean {
  return source.kind !== 'plackett_burman' && resolutionOf(lengths) === null;
}

/** Returns the largest clear design within a budget, or one that is not clear if no other fits. */
export function largestDesign(demands: Omit<Demands, 'isGood'>, runs: number): Candidate | null {
  const { regular, plackettBurman } = demands.sources;
  const clear = { ...demands, isGood: isClear };
  const best = largestOf(regular, clear, runs);
  const folded = largestOf(plackettBurman, clear, runs);
  if (best && folded) return folded.runs >= WORTH_PLACKETT_BURMAN * best.runs ? folded : best;
  const any = { ...demands, isGood: () => true };
  return best ?? folded ?? largestOf([...regular, ...plackettBurman], any, runs);
}

/** Returns the largest clear regular design. */
export function largestRegular(demands: Omit<Demands, 'isGood'>, runs: number): Candidate | null {
  return largestOf(demands.sources.regular, { ...demands, isGood: isClear }, runs);
}

/** Returns the largest full factorial within a budget. */
export function largestFull(demands: Omit<Demands, 'isGood'>, runs: number): Candidate | null {
  return largestOf(demands.sources.regular, { ...demands, isGood: isFull }, runs);
}

/** Returns the candidate with the fewest runs; null if the table has none for this number of factors. */
export function smallestDesign(demands: Demands): Candidate | null {
  const { regular, plackettBurman } = demands.sources;
  const smallest = [...regular, ...plackettBurman].flatMap((source) => smallestOf(source, demands) ?? []);
  return smallest.sort((a, b) => a.runs - b.runs || compareQuality(a, b))[0] ?? null;
}

/** Returns all sources for this number of factors, smallest blocks first. */
export function twoLevelSources(factors: number): TwoLevelSources {
  return {
    factors,
    regular: regularFractions(factors).map(regularSource),
    plackettBurman: plackettBurmanSources(factors),
  };
}

function largestOf(sources: readonly TwoLevelSource[], demands: Demands, runs: number): Candidate | null {
  const largest = sources.flatMap((source) => {
    const most = Math.floor(runs / source.runsPerBlock);
    // Full cycles are as good as a source gets, so nothing below the last full cycle is better.
    const fewest = Math.max(demands.leastBlocks, most - source.cycle + 1);
    for (let blocks = most; blocks >= fewest; blocks--) {
      const candidate = candidateOf(source, blocks, demands.sources.factors);
      if (meets(candidate, demands)) return [candidate];
    }
    return [];
  });
  return largest.sort((a, b) => b.runs - a.runs || compareQuality(a, b))[0] ?? null;
}

function smallestOf(source: TwoLevelSource, demands: Demands): Candidate | null {
  // A block of two runs adds one degree of freedom for the noise, so no source needs more blocks than these.
  const most = Math.max(demands.leastBlocks, LEAST_DEGREES + 1) + source.cycle;
  for (let blocks = demands.leastBlocks; blocks <= most; blocks++) {
    const candidate = candidateOf(source, blocks, demands.sources.factors);
    if (meets(candidate, demands)) return candidate;
  }
  return null;
}

/** Breaks ties by aberration, then by residual degrees of freedom. */
function compareQuality(a: Candidate, b: Candidate): number {
  return compareAberration(a.lengths, b.lengths) || b.degrees - a.degrees;
}

function meets(candidate: Candidate, { leastDegrees, isGood }: Demands): boolean {
  return candidate.degrees >= leastDegrees && isGood(candidate);
}

function candidateOf(source: TwoLevelSource, blocks: number, factors: number): Candidate {
  const runs = source.runsPerBlock * blocks;
  const levels = new Array<number>(factors).fill(2);
  const degrees = residualDegrees(runs, blocks, levels);
  return { source, blocks, runs, lengths: source.wordLengths(blocks), degrees };
}
