import type { StudySetting } from '../../../protocol/study';
import { settingKey } from '../request';
import type { BlockSource } from '../source';

/**
 * How much of products of as many factors is constant over a design, by the number of factors: the generalized word-length
 * pattern (Tang and Deng 1999), of a regular design its number of words. Lengths above those that are listed are left out.
 */
export type WordLengths = readonly number[];

/** A source of two-level blocks, in each of which every factor is balanced and independent of every other. */
export interface TwoLevelSource extends BlockSource {
  /** After as many blocks the source repeats itself. */
  readonly cycle: number;
  /** Over the first `blocks` blocks together. */
  wordLengths(blocks: number): WordLengths;
}

/** Below it a share is rounding. */
const TINY = 1e-9;

/** The length of the shortest word, 5 standing for 5 and more; null where no product is constant: a full factorial. */
export function resolutionOf(lengths: WordLengths): number | null {
  const shortest = lengths.findIndex((share) => share > TINY);
  return shortest < 0 ? null : Math.min(shortest, 5);
}

/** Negative where `a` has less aberration than `b`, 0 where they have the same. */
export function compareAberration(a: WordLengths, b: WordLengths): number {
  for (let length = 0; length < Math.max(a.length, b.length); length++) {
    const difference = (a[length] ?? 0) - (b[length] ?? 0);
    if (Math.abs(difference) > TINY) return difference;
  }
  return 0;
}

/** Squared shares of the products of three and of four factors that are constant over some settings, summed. */
export interface ProductShares {
  readonly triples: number;
  readonly quadruples: number;
}

/** Counted from the settings themselves. Longer products tell nothing that anyone asks. */
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

/** Whether every combination of two levels occurs, each as often. */
export function isWholeFactorial(settings: readonly StudySetting[]): boolean {
  const combinations = 2 ** (settings[0]?.length ?? 0);
  if (settings.length % combinations !== 0) return false;
  const counts = new Map<string, number>();
  for (const setting of settings) counts.set(settingKey(setting), (counts.get(settingKey(setting)) ?? 0) + 1);
  return counts.size === combinations && new Set(counts.values()).size === 1;
}

/** The resolution by the settings themselves, as `resolutionOf` has it by their words. */
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
