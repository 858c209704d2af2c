import type { StudySetting } from '../../../protocol/study';
import { type ProductShares, productShares, type TwoLevelSource, type WordLengths } from './aberration';

/** First rows of Plackett and Burman 1946, p. 323, by the number of runs. Their designs of 8 and 16 runs are regular. */
const FIRST_ROWS: Readonly<Record<number, string>> = {
  12: '++-+++---+-',
  20: '++--++++-+-+----++-',
  24: '+++++-+-++--++--+-+----',
};

/** The most factors that a Plackett-Burman design here has columns for. */
export const MOST_PLACKETT_BURMAN_FACTORS = 23;

/** The designs of 12, 20 and 24 runs that have a column for every factor. */
export function plackettBurmanSources(factors: number): TwoLevelSource[] {
  return Object.keys(FIRST_ROWS)
    .map(Number)
    .filter((runs) => factors < runs)
    .map((runs) => plackettBurmanSource(runs, factors));
}

/**
 * The design's settings, of which the last has every factor at level 0: the first row shifted cyclically, then all minus. Each
 * pair of factors takes its four combinations equally often; an effect holds a part of each interaction of two others.
 */
export function plackettBurman(runs: number, factors: number): StudySetting[] {
  const row = FIRST_ROWS[runs];
  if (!row || factors >= runs)
    throw new Error(`No Plackett-Burman design of ${runs} runs for ${factors} factors`);
  const shifted = Array.from({ length: runs - 1 }, (_, shift) =>
    Array.from({ length: factors }, (_, factor) => (row.at((factor - shift) % (runs - 1)) === '+' ? 1 : 0)),
  );
  return [...shifted, new Array<number>(factors).fill(0)];
}

/** Blocks of the design and of its fold-over by turns. Two of them tell main effects from all interactions of pairs. */
function plackettBurmanSource(runs: number, factors: number): TwoLevelSource {
  const settings = plackettBurman(runs, factors);
  const folded = settings.map((setting) => setting.map((level) => 1 - level));
  let products: ProductShares | undefined;
  return {
    kind: 'plackett_burman',
    runsPerBlock: runs,
    cycle: 2,
    settingsOf: (block) => (block % 2 === 0 ? settings : folded),
    wordLengths: (blocks) => {
      products ??= productShares(settings);
      return foldedWordLengths(products, blocks);
    },
  };
}

/** Folding over turns the sign of odd products, which cancel in pairs of blocks. */
function foldedWordLengths({ triples, quadruples }: ProductShares, blocks: number): WordLengths {
  return [0, 0, 0, triples * ((blocks % 2) / blocks) ** 2, quadruples];
}
