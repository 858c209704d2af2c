import { halfWidthOf, joinedError, type Measured } from './estimates';
import { LEVEL } from './looks/schedule';

/** Nobody runs more. */
const MOST_BLOCKS = 10_000;

/** How an effect's interval shrinks with blocks. */
export interface Growth {
  /** Blocks that the effect is measured by, 1 or more. */
  readonly blocks: number;
  /** Residual degrees of freedom that each further block brings. */
  readonly degreesPerBlock: number;
  /** Then more blocks do not reduce what the choice of images adds. */
  readonly areImagesShared: boolean;
}

/**
 * The smallest number of blocks in all, more than there are, whose expected half-width is at most half of
 * `smallestEffect`.
 *
 * @returns `blocks` null where no number is enough, or nothing is known of the noise; `needsMoreImages` where the images
 * alone are too few
 */
export function blocksNeeded(
  { runs, images }: Measured,
  smallestEffect: number,
  { blocks, degreesPerBlock, areImagesShared }: Growth,
): { blocks: number | null; needsMoreImages: boolean } {
  if (!runs || runs.variance === 0) return { blocks: null, needsMoreImages: false };
  const isEnough = (count: number) => {
    const share = blocks / count;
    const degrees = runs.degrees + (count - blocks) * degreesPerBlock;
    const part = images ?? { variance: 0, least: 0, degrees: 1 };
    const shrunk = areImagesShared ? 1 : share;
    const error = joinedError(
      { variance: runs.variance * share, degrees },
      { ...part, variance: part.variance * shrunk, least: part.least * shrunk },
    );
    const half = halfWidthOf(error, LEVEL);
    return half !== null && half <= smallestEffect / 2;
  };
  if (!isEnough(MOST_BLOCKS))
    return { blocks: null, needsMoreImages: areImagesShared && (images?.variance ?? 0) > 0 };
  let low = blocks;
  let high = MOST_BLOCKS;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return { blocks: high, needsMoreImages: false };
}
