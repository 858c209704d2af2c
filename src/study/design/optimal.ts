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

/** How widely a block is searched for. */
interface Effort {
  /** Random starts of a block that is run, and of one that is only weighed. */
  readonly starts: number;
  readonly trialStarts: number;
  /** Sizes of a block that are weighed, from the smallest that tells all main effects on. */
  readonly sizes: number;
}

/** The work of a start grows with the third to fourth power of the parameters; a choice is to take a fraction of a second. */
function effortFor(parameters: number): Effort {
  if (parameters <= 10) return { starts: 6, trialStarts: 2, sizes: 14 };
  if (parameters <= 16) return { starts: 4, trialStarts: 1, sizes: 10 };
  return { starts: 2, trialStarts: 1, sizes: 4 };
}

/** Different blocks before they repeat. */
const CYCLE = 4;

/** A start is as good as the best where its determinant is as large but for this; then fewer aliases decide. */
const AS_GOOD = 0.98;

/** All allowed combinations are run where that costs no more than this share of the best information. */
const WORTH_ALL = 0.95;

/** Streams of random numbers apart from those of the order of runs, which count from 0. */
const FIRST_STREAM = 1_000_000;

/** Starts after which a block is given up that tells the effects apart. */
const MOST_STARTS = 100;

/**
 * D-optimal subsets of what is allowed, for factors of several levels and for impossible combinations. A block tells all main
 * effects by itself. Of the sizes that a budget allows it takes the one whose blocks say most in all.
 */
export function optimalStrategy(allowed: AllowedSettings, isSmallest: boolean, randomSeed: number): Strategy {
  const { levels } = allowed;
  // A block is searched for once, however many budgets are asked about.
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

/** Blocks of one size, each the best addition to those before it; after four they repeat. */
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

/** The size of the blocks that tell most within a budget, or that all combinations are to be run; null where none fits. */
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

/** Sizes of a block, up to `most`. A setting occurs once in a block, so there are no more runs than allowed settings. */
function sizesOf(allowed: AllowedSettings, most: number): number[] {
  const least = mainParameters(allowed.levels) + 1;
  const last = Math.min(
    most,
    allowed.all?.length ?? Number.POSITIVE_INFINITY,
    least + effortFor(least - 1).sizes - 1,
  );
  return Array.from({ length: Math.max(last - least + 1, 0) }, (_, i) => least + i);
}

/** The fewest blocks of a size that leave enough degrees of freedom. */
function fewestBlocks(size: number, leastBlocks: number, levels: readonly number[]): number {
  let blocks = leastBlocks;
  while (residualDegrees(blocks * size, blocks, levels) < LEAST_DEGREES) blocks++;
  return blocks;
}

/** The best block after others, of several random starts. */
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
  // A block that does not tell all effects by itself would make a study's first look useless.
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
