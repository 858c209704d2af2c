import type { StudyBlock, StudySetting } from '../../protocol/study';
import { mainAliases } from './aliases';
import type { AllowedSettings } from './allowed';
import { exchangedBlock, type SettingPool, settingPool } from './exchange';
import { inverseOf, mainInformation, mainParameters, rootDeterminant } from './model';
import { residualDegrees } from './plan';
import { randomStream } from './random';
import { LEAST_DEGREES } from './request';
import { type BlockSource, repeating } from './source';
import type { Strategy } from './strategy';

/** Search effort for a block. */
interface Effort {
  /** Random starts for a block that is run. `trialStarts` is for one that is only evaluated. */
  readonly starts: number;
  readonly trialStarts: number;
  /** Number of block sizes to evaluate, from the smallest that estimates all main effects. */
  readonly sizes: number;
}

/**
 * A start's cost grows with the third to fourth power of the parameters. The whole choice should take a fraction of a
 * second.
 */
function effortFor(parameters: number): Effort {
  if (parameters <= 10) return { starts: 6, trialStarts: 2, sizes: 14 };
  if (parameters <= 16) return { starts: 4, trialStarts: 1, sizes: 10 };
  return { starts: 2, trialStarts: 1, sizes: 4 };
}

/** Number of distinct blocks before they repeat. */
const CYCLE = 4;

/** A start ties with the best if its determinant is within this factor. Fewer aliases then decide. */
const AS_GOOD = 0.98;

/** All allowed combinations are run if that keeps at least this share of the best information. */
const WORTH_ALL = 0.95;

/** Offset that separates these random streams from those for the order of runs, which count from 0. */
const FIRST_STREAM = 1_000_000;

/** Number of starts after which the search for a block that separates the effects is given up. */
const MOST_STARTS = 100;

/**
 * Strategy of D-optimal subsets of the allowed settings, for factors with more than two levels and for impossible
 * combinations. Each block estimates all main effects by itself. Among the sizes that a budget allows, it picks the one
 * whose blocks give the most information in total.
 */
export function optimalStrategy(allowed: AllowedSettings, isSmallest: boolean, randomSeed: number): Strategy {
  const { levels } = allowed;
  // Cached, so that each block is searched for only once even if many budgets are evaluated.
  const pool = settingPool(allowed);
  const trials = new Map<number, StudySetting[]>();
  const sources = new Map<number, BlockSource>();
  const sourceOf = (size: number) => {
    const source = sources.get(size) ?? optimalSource(pool, size, randomSeed);
    sources.set(size, source);
    return source;
  };
  const trialOf = (size: number) => {
    const trial =
      trials.get(size) ??
      nextBlock(pool, size, [], effortFor(mainParameters(levels)).trialStarts, randomSeed);
    trials.set(size, trial);
    return trial;
  };
  const smallest = (leastBlocks: number) =>
    sizesOf(allowed, Number.POSITIVE_INFINITY)
      .map((size) => ({ size, blocks: fewestBlocks(size, leastBlocks, levels) }))
      .sort((a, b) => a.size * a.blocks - b.size * b.blocks)[0];
  const choiceOf = (runs: number, leastBlocks: number, blocksOf: (size: number) => BlockSource) => {
    if (isSmallest) {
      const choice = smallest(leastBlocks);
      return choice && choice.size * choice.blocks <= runs
        ? { source: blocksOf(choice.size), blocks: choice.blocks }
        : null;
    }
    const size = bestSize(allowed, runs, leastBlocks, trialOf);
    if (size === null) return null;
    const source = size === 'all' ? repeating('full', allowed.all ?? []) : blocksOf(size);
    return { source, blocks: Math.floor(runs / source.runsPerBlock) };
  };
  return {
    largest: (runs, leastBlocks) => choiceOf(runs, leastBlocks, sourceOf),
    sketch: (runs, leastBlocks) => choiceOf(runs, leastBlocks, (size) => repeating('optimal', trialOf(size))),
    smallestRuns(leastBlocks) {
      const choice = smallest(leastBlocks);
      if (!choice) throw new Error('There are too few allowed settings for a block');
      return choice.size * choice.blocks;
    },
  };
}

/** Returns blocks of one size, each the best addition to the earlier ones. They repeat after four. */
export function optimalSource(pool: SettingPool, runsPerBlock: number, randomSeed: number): BlockSource {
  const blocks: StudySetting[][] = [];
  const { starts } = effortFor(mainParameters(pool.allowed.levels));
  return {
    kind: 'optimal',
    runsPerBlock,
    settingsOf(block) {
      while (blocks.length <= block % CYCLE)
        blocks.push(nextBlock(pool, runsPerBlock, blocks, starts, randomSeed));
      return blocks[block % CYCLE] as StudySetting[];
    },
  };
}

/**
 * Returns the block size that gives the most information within a budget, or that all combinations are to be run; null
 * if nothing fits.
 */
function bestSize(
  allowed: AllowedSettings,
  runs: number,
  leastBlocks: number,
  trialOf: (size: number) => readonly StudySetting[],
): number | 'all' | null {
  const { all, levels } = allowed;
  const fits = (size: number) => size * fewestBlocks(size, leastBlocks, levels) <= runs;
  const worthOf = (settings: readonly StudySetting[]) =>
    Math.floor(runs / settings.length) * rootDeterminant(mainInformation([{ settings }], levels));
  const best = sizesOf(allowed, Math.floor(runs / leastBlocks))
    .filter(fits)
    .map((size) => ({ size, worth: worthOf(trialOf(size)) }))
    .sort((a, b) => b.worth - a.worth)[0];
  if (all && fits(all.length) && worthOf(all) >= WORTH_ALL * (best?.worth ?? 0)) return 'all';
  return best?.size ?? null;
}

/**
 * Returns the possible block sizes up to `most`. A setting occurs once per block, so a block has at most as many runs
 * as there are allowed settings.
 */
function sizesOf(allowed: AllowedSettings, most: number): number[] {
  const least = mainParameters(allowed.levels) + 1;
  const last = Math.min(
    most,
    allowed.all?.length ?? Number.POSITIVE_INFINITY,
    least + effortFor(least - 1).sizes - 1,
  );
  return Array.from({ length: Math.max(last - least + 1, 0) }, (_, i) => least + i);
}

/** Returns the fewest blocks of a size that leave enough degrees of freedom. */
function fewestBlocks(size: number, leastBlocks: number, levels: readonly number[]): number {
  let blocks = leastBlocks;
  while (residualDegrees(blocks * size, blocks, levels) < LEAST_DEGREES) blocks++;
  return blocks;
}

/** Returns the best next block from several random starts. */
function nextBlock(
  pool: SettingPool,
  runs: number,
  earlier: readonly StudySetting[][],
  starts: number,
  randomSeed: number,
): StudySetting[] {
  const { levels } = pool.allowed;
  const before = earlier.length > 0 ? mainInformation(earlier.map(blockOf), levels) : null;
  const able: { settings: StudySetting[]; total: number }[] = [];
  // A block that does not separate all effects by itself would make a study's first look useless.
  for (let start = 0; start < starts || (able.length === 0 && start < MOST_STARTS); start++) {
    const stream = FIRST_STREAM + earlier.length * MOST_STARTS + start;
    const settings = exchangedBlock(pool, runs, before, randomStream(randomSeed, stream));
    if (!settings || !inverseOf(mainInformation([blockOf(settings)], levels))) continue;
    able.push({
      settings,
      total: rootDeterminant(mainInformation([...earlier, settings].map(blockOf), levels)),
    });
  }
  const best = Math.max(...able.map(({ total }) => total));
  const chosen = able
    .filter(({ total }) => total >= AS_GOOD * best)
    .map((candidate) => ({ ...candidate, aliased: aliasedShare([...earlier, candidate.settings], levels) }))
    .sort((a, b) => a.aliased - b.aliased || b.total - a.total)[0];
  if (!chosen) throw new Error(`No block of ${runs} runs that tells the effects apart was found`);
  return chosen.settings;
}

function aliasedShare(blocks: readonly StudySetting[][], levels: readonly number[]): number {
  return mainAliases(blocks.map(blockOf), levels).reduce((sum, { share }) => sum + share ** 2, 0);
}

function blockOf(settings: readonly StudySetting[]): StudyBlock {
  return { settings };
}
