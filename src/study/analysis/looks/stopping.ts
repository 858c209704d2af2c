import { errorForVerdict, type Measured } from '../estimates';
import { studentCdf, twoSidedQuantile } from '../fit/distributions';
import type { Look } from './schedule';

/** A verdict with a smaller chance in the remaining blocks counts as out of reach. */
const OUT_OF_REACH = 0.05;

/**
 * Returns the chance that an effect without a verdict gets one at the last look: its predictive power (Spiegelhalter,
 * Freedman and Blackburn 1986). The last look's estimate is predicted by Student's t around the current one.
 *
 * @param share current information fraction, above 0 to 1
 * @param areImagesShared if true, more blocks do not reduce the variance from the choice of images
 */
export function chanceOfVerdict(
  measured: Measured,
  share: number,
  areImagesShared: boolean,
  smallestEffect: number,
  last: Look['last'],
): number {
  const now = errorForVerdict(measured);
  if (!now || !measured.runs || now.degrees <= 0) return 1;
  const images = measured.images?.variance ?? 0;
  const fixed = areImagesShared ? images : 0;
  const shrinking = now.error ** 2 - fixed;
  const error = Math.sqrt(fixed + shrinking * share);
  const spread = Math.sqrt(shrinking * (1 - share));
  const degrees = now.degrees / share;
  const different = twoSidedQuantile(degrees, last.different) * error;
  const tooSmall = smallestEffect - twoSidedQuantile(degrees, 2 * last.tooSmall) * error;
  const below = (value: number) =>
    spread === 0
      ? Number(measured.value < value)
      : studentCdf((value - measured.value) / spread, now.degrees);
  const outside = below(-different) + 1 - below(different);
  const inside = tooSmall > 0 ? below(tooSmall) - below(-tooSmall) : 0;
  return Math.min(outside + inside, 1);
}

/** Whether every chance is too small to wait for. */
export function canNoneChange(chances: readonly number[]): boolean {
  return chances.every((chance) => chance < OUT_OF_REACH);
}
