import { halfWidthOf, joinedError, type Measured } from './estimates';
import { LEVEL } from './looks/schedule';

/** More blocks than anyone runs. */
const MOST_BLOCKS = 10_000;

/** How an effect's interval shrinks with more blocks. */
export interface Growth {
  /** Number of blocks that measure the effect, 1 or more. */
  readonly blocks: number;
  /** Residual degrees of freedom added per further block. */
  readonly degreesPerBlock: number;
  /** If true, more blocks do not reduce the variance from the choice of images. */
  readonly areImagesShared: boolean;
}

/**
 * Returns the smallest total number of blocks, above the current one, at which the expected half-width is at most half
 * of `smallestEffect`.
 *
 * @returns `blocks` is null if no number is enough or the noise is unknown; `needsMoreImages` if there are too few
 *   images alone
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
