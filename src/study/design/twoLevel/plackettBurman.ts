import type { StudySetting } from '../../../protocol/study';
import { type ProductShares, productShares, type TwoLevelSource, type WordLengths } from './aberration';

/** First rows from Plackett and Burman 1946, p. 323, by number of runs. Their designs of 8 and 16 runs are regular. */
const FIRST_ROWS: Readonly<Record<number, string>> = {
  12: '++-+++---+-',
  20: '++--++++-+-+----++-',
  24: '+++++-+-++--++--+-+----',
};

/** Maximum number of columns of the Plackett-Burman designs here. */
export const MOST_PLACKETT_BURMAN_FACTORS = 23;

/** Returns the designs of 12, 20 and 24 runs that have a column for every factor. */
export function plackettBurmanSources(factors: number): TwoLevelSource[] {
  return Object.keys(FIRST_ROWS)
    .map(Number)
    .filter((runs) => factors < runs)
    .map((runs) => plackettBurmanSource(runs, factors));
}

/**
 * Returns the design's settings: the cyclic shifts of the first row, then all minus (every factor at level 0). Each
 * pair of factors takes its four combinations equally often. Each main effect is partly aliased with every interaction
 * of two other factors.
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

/** Alternates the design and its fold-over. Two blocks together separate main effects from all pair interactions. */
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

/** Fold-over flips the sign of odd products, which cancel in pairs of blocks. */
function foldedWordLengths({ triples, quadruples }: ProductShares, blocks: number): WordLengths {
  return [0, 0, 0, triples * ((blocks % 2) / blocks) ** 2, quadruples];
}
