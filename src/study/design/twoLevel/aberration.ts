import type { StudySetting } from '../../../protocol/study';
import { settingKey } from '../request';
import type { BlockSource } from '../source';

/**
 * The generalized word-length pattern (Tang and Deng 1999): how much of the products of k factors is constant over a
 * design, indexed by k. For a regular design it counts the words. Omits lengths beyond the listed ones.
 */
export type WordLengths = readonly number[];

/** A source of two-level blocks. Within each block every factor is balanced and independent of every other. */
export interface TwoLevelSource extends BlockSource {
  /** Number of blocks after which the source repeats. */
  readonly cycle: number;
  /** Returns the word lengths over the first `blocks` blocks together. */
  wordLengths(blocks: number): WordLengths;
}

/** Shares below this are rounding errors. */
const TINY = 1e-9;

/**
 * Returns the length of the shortest word, with 5 for 5 or more. Null for a full factorial, in which no product is
 * constant.
 */
export function resolutionOf(lengths: WordLengths): number | null {
  const shortest = lengths.findIndex((share) => share > TINY);
  return shortest < 0 ? null : Math.min(shortest, 5);
}

/** Negative if `a` has less aberration than `b`, 0 if they are equal. */
export function compareAberration(a: WordLengths, b: WordLengths): number {
  for (let length = 0; length < Math.max(a.length, b.length); length++) {
    const difference = (a[length] ?? 0) - (b[length] ?? 0);
    if (Math.abs(difference) > TINY) return difference;
  }
  return 0;
}

/** Sums of the squared constant shares of the products of three and of four factors over some settings. */
export interface ProductShares {
  readonly triples: number;
  readonly quadruples: number;
}

/** Computes the shares from the settings themselves. Longer products are never needed. */
export function productShares(settings: readonly StudySetting[]): ProductShares {
  const factors = settings[0]?.length ?? 0;
  const signs = Array.from({ length: factors }, (_, factor) =>
    Int8Array.from(settings, (setting) => (setting[factor] === 1 ? 1 : -1)),
  );
  let triples = 0;
  let quadruples = 0;
  for (let a = 0; a < factors; a++)
    for (let b = a + 1; b < factors; b++) {
      const pair = productOf(signs[a] as Int8Array, signs[b] as Int8Array);
      for (let c = b + 1; c < factors; c++) {
        const triple = productOf(pair, signs[c] as Int8Array);
        triples += meanOf(triple) ** 2;
        for (let d = c + 1; d < factors; d++)
          quadruples += meanOf(productOf(triple, signs[d] as Int8Array)) ** 2;
      }
    }
  return { triples, quadruples };
}

/** Whether every combination of two levels occurs equally often. */
export function isWholeFactorial(settings: readonly StudySetting[]): boolean {
  const combinations = 2 ** (settings[0]?.length ?? 0);
  if (settings.length % combinations !== 0) return false;
  const counts = new Map<string, number>();
  for (const setting of settings) counts.set(settingKey(setting), (counts.get(settingKey(setting)) ?? 0) + 1);
  return counts.size === combinations && new Set(counts.values()).size === 1;
}

/** Same as `resolutionOf`, but computed from the settings instead of the words. */
export function resolutionOfSettings(settings: readonly StudySetting[]): number | null {
  if (isWholeFactorial(settings)) return null;
  const { triples, quadruples } = productShares(settings);
  if (triples > TINY) return 3;
  return quadruples > TINY ? 4 : 5;
}

function productOf(a: Int8Array, b: Int8Array): Int8Array {
  const product = new Int8Array(a.length);
  for (let run = 0; run < a.length; run++) product[run] = (a[run] as number) * (b[run] as number);
  return product;
}

function meanOf(signs: Int8Array): number {
  let sum = 0;
  for (const sign of signs) sum += sign;
  return sum / signs.length;
}
