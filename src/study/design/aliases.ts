import type { Matrix } from 'ml-matrix';
import type { StudyAlias, StudyBlock, StudySetting } from '../../protocol/study';
import { type Codes, centredRows, codesOf, columnStarts, crossProducts, inverseOf, mainRow } from './model';

/** Shares below this are rounding errors. */
const TINY = 1e-9;

/** Two pairs of factors whose interactions are partly or fully aliased. */
export interface PairAlias {
  readonly pair: readonly [number, number];
  readonly other: readonly [number, number];
  /** 1 or -1 if they are fully aliased. */
  readonly share: number;
}

/**
 * Returns the pair interactions that bias main effects when main effects and blocks are fitted: the alias matrix of Box
 * and Wilson 1951, (X'X)^-1 X'Z. For two levels a share is exact: an interaction of 1 adds the share to the effect. For
 * more levels it is the largest over a factor's levels and the pair's components. Empty if main effects are not
 * estimable.
 */
export function mainAliases(blocks: readonly StudyBlock[], levels: readonly number[]): StudyAlias[] {
  const codes = levels.map(codesOf);
  const mains = centredRows(blocks, (setting) => mainRow(setting, codes));
  const inverse = inverseOf(crossProducts(mains, mains));
  if (!inverse) return [];
  const pairs = pairsOf(levels.length);
  const interactions = centredRows(blocks, (setting) => interactionRow(setting, codes, pairs));
  const shares = inverse.mmul(crossProducts(mains, interactions));
  const starts = columnStarts(levels);
  const pairStarts = columnStarts(pairs.map(([a, b]) => componentsOf(levels, a, b) + 1));
  return levels.flatMap((_, factor) =>
    pairs.flatMap((pair, index) => {
      const contrasts = contrastsOf(codes[factor] as Codes);
      const columns = { from: pairStarts[index] as number, to: pairStarts[index + 1] as number };
      const share = largestShare(shares, starts[factor] as number, contrasts, columns);
      return Math.abs(share) > TINY ? [{ factor, pair, share: rounded(share) }] : [];
    }),
  );
}

/** Returns the pairs of two-level interactions that are correlated within blocks. */
export function pairAliases(blocks: readonly StudyBlock[], levels: readonly number[]): PairAlias[] {
  const codes = levels.map(codesOf);
  const pairs = pairsOf(levels.length).filter(([a, b]) => levels[a] === 2 && levels[b] === 2);
  if (pairs.length === 0) return [];
  const rows = centredRows(blocks, (setting) => interactionRow(setting, codes, pairs));
  const products = crossProducts(rows, rows);
  return pairs.flatMap((pair, i) =>
    pairs.slice(i + 1).flatMap((other, offset) => {
      const j = i + 1 + offset;
      const share = products.get(i, j) / Math.sqrt(products.get(i, i) * products.get(j, j));
      return Math.abs(share) > TINY ? [{ pair, other, share: rounded(share) }] : [];
    }),
  );
}

/** Returns every pair of indices below `count`, smaller index first. */
export function pairsOf(count: number): [number, number][] {
  return Array.from({ length: count }, (_, a) => a).flatMap((a) =>
    Array.from({ length: count - a - 1 }, (_, i): [number, number] => [a, a + 1 + i]),
  );
}

/** Returns the products of the codes of each pair, with all components of a pair together. */
export function interactionRow(
  setting: StudySetting,
  codes: readonly Codes[],
  pairs: readonly (readonly [number, number])[],
): number[] {
  return pairs.flatMap(([a, b]) => {
    const first = codes[a]?.[setting[a] as number] ?? [];
    const second = codes[b]?.[setting[b] as number] ?? [];
    return first.flatMap((x) => second.map((y) => x * y));
  });
}

function componentsOf(levels: readonly number[], a: number, b: number): number {
  return ((levels[a] as number) - 1) * ((levels[b] as number) - 1);
}

/** Returns the difference of each level above 0 from level 0, halved: 1 for two levels. */
function contrastsOf(codes: Codes): number[][] {
  return codes.slice(1).map((code) => code.map((value, i) => (value - (codes[0]?.[i] as number)) / 2));
}

function largestShare(
  shares: Matrix,
  start: number,
  contrasts: readonly (readonly number[])[],
  columns: { from: number; to: number },
): number {
  let largest = 0;
  for (const contrast of contrasts)
    for (let column = columns.from; column < columns.to; column++) {
      const share = contrast.reduce((sum, weight, i) => sum + weight * shares.get(start + i, column), 0);
      if (Math.abs(share) > Math.abs(largest) + TINY) largest = share;
    }
  return largest;
}

function rounded(share: number): number {
  return Math.round(share * 1e9) / 1e9;
}
