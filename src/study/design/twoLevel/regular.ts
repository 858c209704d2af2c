import type { StudySetting } from '../../../protocol/study';
import type { TwoLevelSource, WordLengths } from './aberration';
import { FACTOR_LETTERS, GENERATORS } from './generators';

/**
 * A regular fraction of a two-level factorial, and the order in which its blocks fill up the full design. Settings are
 * bit vectors, with bit i for factor i. A fraction is a subspace of them, and the other blocks are its cosets.
 */
export interface RegularFraction {
  readonly factors: number;
  /** Settings of the first block. The first setting has every factor at level 0. */
  readonly principal: readonly number[];
  /** Words of the defining relation: sets of factors with a constant product within a block. */
  readonly words: readonly number[];
  /** Block b flips the factors in `shifts[b]`. After the last one the design is full, and repeats. */
  readonly shifts: readonly number[];
}

/** Returns the minimum-aberration fractions for this number of factors, smallest first, full factorial last. */
export function regularFractions(factors: number): RegularFraction[] {
  return Object.entries(GENERATORS[factors] ?? {}).map(([base, generators]) =>
    fractionOf(factors, Number(base), generators),
  );
}

/** Returns the fraction that these generators define. The first `base` factors take all combinations. */
export function fractionOf(factors: number, base: number, generators: readonly string[]): RegularFraction {
  // Sums of levels modulo 2 instead of products of signs. The first block then contains the setting without any trick,
  // a run that the user often already has, and the folded block contains the one with all tricks.
  const masks = generators.map((word) => [...word].reduce((mask, letter) => mask | bitOf(letter), 0));
  const principal = Array.from({ length: 2 ** base }, (_, bits) =>
    masks.reduce((setting, mask, i) => setting | (parity(bits & mask) << (base + i)), bits),
  );
  const words = spanOf(masks.map((mask, i) => mask | (1 << (base + i)))).slice(1);
  return { factors, principal, words, shifts: shiftsOf(factors, words) };
}

/** Returns a fraction's blocks as settings, with the words that remain after a number of blocks. */
export function regularSource(fraction: RegularFraction): TwoLevelSource {
  const { factors, principal, words, shifts } = fraction;
  return {
    kind: words.length === 0 ? 'full' : 'fractional',
    runsPerBlock: principal.length,
    cycle: shifts.length,
    settingsOf: (block) => {
      const shift = shifts[block % shifts.length] as number;
      return principal.map((bits) => settingOf(bits ^ shift, factors));
    },
    wordLengths: (blocks) => wordLengths(fraction, blocks),
  };
}

/** Returns the squared shares of the words by length, over the first `blocks` blocks. */
function wordLengths({ factors, words, shifts }: RegularFraction, blocks: number): WordLengths {
  const lengths = new Array<number>(factors + 1).fill(0);
  for (const word of words) {
    const signs = shifts.map((shift) => (parity(word & shift) === 0 ? 1 : -1));
    // Whole cycles cancel, because every word is balanced over the full design.
    const sum = signs.slice(0, blocks % shifts.length).reduce((total, sign) => total + sign, 0);
    const length = bitCount(word);
    lengths[length] = (lengths[length] as number) + (sum / blocks) ** 2;
  }
  return lengths;
}

/**
 * Returns the order of the cosets. Each step doubles the design with the shift that gives the least aberration. A
 * fraction of resolution III is folded over first, so every second block completes one of resolution IV.
 */
function shiftsOf(factors: number, words: readonly number[]): number[] {
  let shifts = [0];
  let remaining = words;
  while (remaining.length > 0) {
    let best: { shift: number; kept: number[] } | null = null;
    // Descending, so that among equally good shifts the one that changes all factors wins.
    for (let shift = 2 ** factors - 1; shift > 0; shift--) {
      const kept = remaining.filter((word) => parity(word & shift) === 0);
      if (kept.length === remaining.length) continue;
      if (!best || hasLessAberration(kept, best.kept, factors)) best = { shift, kept };
    }
    if (!best) throw new Error('No shift changes a word that is left');
    const { shift, kept } = best;
    shifts = [...shifts, ...shifts.map((other) => other ^ shift)];
    remaining = kept;
  }
  return shifts;
}

function hasLessAberration(words: readonly number[], others: readonly number[], factors: number): boolean {
  const lengths = countsByLength(words, factors);
  const otherLengths = countsByLength(others, factors);
  const differing = lengths.findIndex((count, length) => count !== otherLengths[length]);
  return differing >= 0 && (lengths[differing] as number) < (otherLengths[differing] as number);
}

function countsByLength(words: readonly number[], factors: number): number[] {
  const counts = new Array<number>(factors + 1).fill(0);
  for (const word of words) counts[bitCount(word)] = (counts[bitCount(word)] as number) + 1;
  return counts;
}

/** Returns all sums modulo 2 of the vectors. The first is zero. */
function spanOf(vectors: readonly number[]): number[] {
  const span = [0];
  for (const vector of vectors) span.push(...span.map((other) => other ^ vector));
  return span;
}

function settingOf(bits: number, factors: number): StudySetting {
  return Array.from({ length: factors }, (_, factor) => (bits >> factor) & 1);
}

function bitOf(letter: string): number {
  return 1 << FACTOR_LETTERS.indexOf(letter);
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function parity(bits: number): number {
  return bitCount(bits) & 1;
}
