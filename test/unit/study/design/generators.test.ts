import { describe, expect, it } from 'vitest';
import { FACTOR_LETTERS, GENERATORS } from '../../../../src/study/design/twoLevel/generators';
import { fractionOf, regularFractions, regularSource } from '../../../../src/study/design/twoLevel/regular';

/**
 * Number of words of length 3, 4, ... by factors and log2 of runs. From Chen, Sun and Wu 1993, tables 2 to 4, and
 * Montgomery, table 8.14.
 */
const PUBLISHED: Readonly<Record<string, readonly number[]>> = {
  '3 2': [1],
  '4 3': [0, 1],
  '5 4': [0, 0, 1],
  '5 3': [2, 1],
  '6 4': [0, 3],
  '6 3': [4, 3],
  '7 5': [0, 1, 2],
  '7 4': [0, 7],
  '7 3': [7, 7, 0, 0, 1],
  '8 6': [0, 0, 2, 1],
  '8 5': [0, 3, 4],
  '8 4': [0, 14, 0, 0, 0, 1],
  '9 6': [0, 1, 4, 2],
  '9 5': [0, 6, 8, 0, 0, 1],
  '9 4': [4, 14, 8, 0, 4, 1],
  '10 6': [0, 2, 8, 4, 0, 1],
  '10 5': [0, 10, 16, 0, 0, 5],
  '10 4': [8, 18, 16, 8, 8, 5],
};

const RESOLUTIONS: Readonly<Record<string, number>> = {
  '6 5': 6,
  '7 6': 7,
  '8 7': 8,
  '9 7': 6,
  '9 8': 9,
  '10 7': 5,
  '10 8': 6,
  '10 9': 10,
};

interface Entry {
  readonly factors: number;
  readonly base: number;
  readonly generators: readonly string[];
}

const TABLE: readonly Entry[] = Object.entries(GENERATORS).flatMap(([factors, byBase]) =>
  Object.entries(byBase).map(([base, generators]) => ({
    factors: Number(factors),
    base: Number(base),
    generators,
  })),
);

/** Counts from the runs how many products of 1, 2, 3, ... factors are constant. */
function constantProducts(runs: readonly (readonly number[])[], factors: number): number[] {
  const counts = new Array<number>(factors + 1).fill(0);
  for (let subset = 1; subset < 2 ** factors; subset++) {
    let sum = 0;
    for (const run of runs) {
      let sign = 1;
      for (let factor = 0; factor < factors; factor++)
        if ((subset >> factor) & 1 && run[factor] === 0) sign = -sign;
      sum += sign;
    }
    if (Math.abs(sum) === runs.length) counts[sizeOf(subset)] = (counts[sizeOf(subset)] as number) + 1;
    else if (sum !== 0) throw new Error('A product of a regular design is constant or balanced');
  }
  return counts;
}

function sizeOf(subset: number): number {
  return subset.toString(2).replaceAll('0', '').length;
}

describe('the table of generators', () => {
  it.each(TABLE)(
    '$factors factors in 2^$base runs have the published words',
    ({ factors, base, generators }) => {
      const settings = regularSource(fractionOf(factors, base, generators)).settingsOf(0);
      const counts = constantProducts(settings, factors);
      expect(new Set(settings.map(String)).size).toBe(2 ** base);
      expect(counts.slice(1, 3).every((count) => count === 0)).toBe(true);
      const words = counts.slice(3);
      while (words.at(-1) === 0) words.pop();
      const published = PUBLISHED[`${factors} ${base}`];
      if (published) expect(words).toEqual(published);
      const resolution = RESOLUTIONS[`${factors} ${base}`];
      if (resolution !== undefined) expect(counts.findIndex((count) => count > 0)).toBe(resolution);
      if (factors === base) expect(words).toEqual([]);
      expect(published !== undefined || resolution !== undefined || factors === base).toBe(true);
    },
  );

  it.each(TABLE.filter(({ generators }) => generators.length > 0))(
    'of $factors factors in 2^$base runs no regular design has less aberration',
    ({ factors, base, generators }) => {
      const own = lengthsOf(
        generators.map((word, i) => maskOf(word) | (1 << (base + i))),
        factors,
      );
      let least = own;
      // A factor that is not a base factor is a product of two or more base factors, and no two are the same.
      const products = Array.from({ length: 2 ** base }, (_, mask) => mask).filter(
        (mask) => sizeOf(mask) > 1,
      );
      for (const chosen of subsetsOf(products, generators.length)) {
        const lengths = lengthsOf(
          chosen.map((mask, i) => mask | (1 << (base + i))),
          factors,
        );
        if (compare(lengths, least) < 0) least = lengths;
      }
      expect(least).toEqual(own);
    },
  );
});

describe('the blocks of a fraction', () => {
  it.each(TABLE)('fill up the full design of $factors factors from 2^$base runs', ({ factors, base }) => {
    const source = sourceOf(factors, base);
    expect(source.cycle).toBe(2 ** (factors - base));
    const all = Array.from({ length: source.cycle }, (_, block) => source.settingsOf(block)).flat();
    expect(new Set(all.map(String)).size).toBe(2 ** factors);
    expect(all.length).toBe(2 ** factors);
    expect(source.settingsOf(source.cycle)).toEqual(source.settingsOf(0));
  });

  it('start with the run without any trick, and with all of them in the folded block', () => {
    const source = sourceOf(5, 3);
    expect(source.settingsOf(0)[0]).toEqual([0, 0, 0, 0, 0]);
    expect(source.settingsOf(1)).toContainEqual([1, 1, 1, 1, 1]);
  });

  it.each([
    [5, 3],
    [6, 3],
    [7, 3],
  ])('of 8 runs are folded over in pairs (%i factors, 2^%i runs)', (factors, base) => {
    const source = sourceOf(factors, base);
    for (let block = 0; block < source.cycle; block += 2) {
      const folded = source.settingsOf(block).map((setting) => setting.map((level) => 1 - level));
      expect(new Set(source.settingsOf(block + 1).map(String))).toEqual(new Set(folded.map(String)));
    }
  });

  it.each([
    [3, 2],
    [5, 3],
    [6, 3],
    [7, 3],
    [9, 4],
    [10, 4],
  ])(
    'of resolution III come in pairs of resolution IV or better (%i factors, 2^%i runs)',
    (factors, base) => {
      const source = sourceOf(factors, base);
      expect(source.wordLengths(1)[3]).toBeGreaterThan(0);
      for (let block = 0; block < source.cycle; block += 2) {
        const pair = [...source.settingsOf(block), ...source.settingsOf(block + 1)];
        expect(squaredShares(pair, factors).slice(1, 4)).toEqual([0, 0, 0]);
      }
    },
  );

  it('have the word lengths that their runs have', () => {
    for (const [factors, base] of [
      [5, 3],
      [6, 3],
      [7, 4],
    ] as const) {
      const source = sourceOf(factors, base);
      for (let blocks = 1; blocks <= source.cycle + 1; blocks++) {
        const runs = Array.from({ length: blocks }, (_, block) => source.settingsOf(block)).flat();
        const squares = squaredShares(runs, factors);
        for (const [length, share] of source.wordLengths(blocks).entries())
          expect(share).toBeCloseTo(squares[length] as number, 12);
      }
    }
  });
});

function sourceOf(factors: number, base: number) {
  const fraction = regularFractions(factors).find(({ principal }) => principal.length === 2 ** base);
  if (!fraction) throw new Error('The table has no such design');
  return regularSource(fraction);
}

function squaredShares(runs: readonly (readonly number[])[], factors: number): number[] {
  const sums = new Array<number>(factors + 1).fill(0);
  for (let subset = 1; subset < 2 ** factors; subset++) {
    const signs = runs.map((run) =>
      run.reduce((sign, level, factor) => ((subset >> factor) & 1 && level === 0 ? -sign : sign), 1),
    );
    const share = signs.reduce((sum, sign) => sum + sign, 0) / runs.length;
    sums[sizeOf(subset)] = (sums[sizeOf(subset)] as number) + share ** 2;
  }
  return sums;
}

function maskOf(word: string): number {
  return [...word].reduce((mask, letter) => mask | (1 << FACTOR_LETTERS.indexOf(letter)), 0);
}

const SIZES = Uint8Array.from({ length: 1024 }, (_, subset) => sizeOf(subset));

/** Returns the number of words by length in the group that the given words generate. */
function lengthsOf(words: readonly number[], factors: number): number[] {
  const counts = new Array<number>(factors + 1).fill(0);
  const span = [0];
  for (const word of words) {
    const had = span.length;
    for (let i = 0; i < had; i++) {
      const product = (span[i] as number) ^ word;
      span.push(product);
      const size = SIZES[product] as number;
      counts[size] = (counts[size] as number) + 1;
    }
  }
  return counts;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return 0;
}

function* subsetsOf(items: readonly number[], size: number, from = 0): Generator<number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let i = from; i + size <= items.length; i++)
    for (const rest of subsetsOf(items, size - 1, i + 1)) yield [items[i] as number, ...rest];
}
