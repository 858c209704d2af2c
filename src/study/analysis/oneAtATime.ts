import type { Measured } from './estimates';
import { LEAST_DEGREES } from './fit/distributions';
import type { ImagesPart } from './fit/images';
import type { UsedRun } from './input';

/** Minimum number of pairs for an interval. */
export const LEAST_PAIRS = LEAST_DEGREES + 1;

/**
 * Measures the effect of one level if settings differ from the first in a single factor. Uses the paired t test over
 * blocks, which is valid if the noise differs between settings. With too few pairs, e.g. after lost runs, it uses
 * Welch's t test (Welch 1947), which also allows for unequal noise.
 *
 * @param areImagesShared if false, each block has its own images. The spread of the pairs then includes the images
 *   fully, and runs of different blocks are never compared.
 * @param arePaired if false, runs of one block have nothing in common, so only Welch's test applies
 * @returns null if either setting has no run to compare
 */
export function measureAlone(
  factor: number,
  level: number,
  runs: readonly UsedRun[],
  areImagesShared: boolean,
  imagesOf: ((weights: Float64Array) => ImagesPart) | null,
  arePaired = true,
): Measured | null {
  const withIt = positions(runs, (of, index) => of === (index === factor ? level : 0));
  const without = positions(runs, (of) => of === 0);
  const paired = pairedWeights(withIt, without, runs);
  const welch = areImagesShared ? welchOf(withIt, without, runs) : null;
  const isEnough = arePaired && paired !== null && paired.pairs >= LEAST_PAIRS;
  const isWelchEnough = !arePaired || !paired || (welch?.runs?.degrees ?? 0) >= LEAST_DEGREES;
  if (welch && !isEnough && isWelchEnough)
    return { value: welch.value, runs: welch.runs, images: imagesOf?.(welch.weights) ?? null };
  if (!paired) return null;
  const { weights, differences, pairs } = paired;
  const value = differences.reduce((sum, each) => sum + each, 0) / pairs;
  const squares = differences.reduce((sum, each) => sum + (each - value) ** 2, 0);
  return {
    value,
    runs: pairs > 1 ? { variance: squares / (pairs - 1) / pairs, degrees: pairs - 1 } : null,
    images: imagesOf && (areImagesShared ? imagesOf(weights) : { variance: 0, least: 0, degrees: pairs }),
  };
}

function positions(runs: readonly UsedRun[], isLevel: (level: number, factor: number) => boolean): number[] {
  return runs.flatMap(({ setting }, position) => (setting.every(isLevel) ? [position] : []));
}

function pairedWeights(withIt: readonly number[], without: readonly number[], runs: readonly UsedRun[]) {
  const blockOf = (position: number) => runs[position]?.block;
  const valueAt = (position: number) => runs[position]?.value ?? 0;
  const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + valueAt(each), 0) / of.length;
  const pairs = [...new Set(withIt.map(blockOf))].flatMap((block) => {
    const first = withIt.filter((position) => blockOf(position) === block);
    const second = without.filter((position) => blockOf(position) === block);
    return second.length > 0 ? [{ first, second }] : [];
  });
  if (pairs.length === 0) return null;
  const weights = new Float64Array(runs.length);
  for (const { first, second } of pairs) {
    for (const position of first) weights[position] = 1 / first.length / pairs.length;
    for (const position of second) weights[position] = -1 / second.length / pairs.length;
  }
  return {
    pairs: pairs.length,
    weights,
    differences: pairs.map(({ first, second }) => mean(first) - mean(second)),
  };
}

function welchOf(withIt: readonly number[], without: readonly number[], runs: readonly UsedRun[]) {
  const first = meanOf(withIt.map((position) => runs[position]?.value ?? 0));
  const second = meanOf(without.map((position) => runs[position]?.value ?? 0));
  if (!first || !second) return null;
  const weights = new Float64Array(runs.length);
  for (const position of withIt) weights[position] = 1 / first.count;
  for (const position of without) weights[position] = -1 / second.count;
  const variance = first.variance + second.variance;
  const spread = first.variance ** 2 / (first.count - 1) + second.variance ** 2 / (second.count - 1);
  return {
    value: first.mean - second.mean,
    weights,
    runs:
      first.count < 2 || second.count < 2 || spread === 0
        ? null
        : { variance, degrees: variance ** 2 / spread },
  };
}

/** Returns the mean and variance of values; null for an empty array. */
function meanOf(values: readonly number[]): { count: number; mean: number; variance: number } | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, variance: squares / Math.max(count - 1, 1) / count };
}
