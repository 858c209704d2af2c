import { dot } from './leastSquares';

/** The contribution of the choice of validation images to a contrast's variance. */
export interface ImagesPart {
  /**
   * In percentage points squared. Can be negative if each block has its own images and the residual noise contains more
   * of their sampling variance than the contrast does.
   */
  readonly variance: number;
  /** Lower bound on the contrast's variance: the sampling of its images alone. */
  readonly least: number;
  readonly degrees: number;
}

/** Runs on the same images, with their covariance over the draw of the images. */
interface Group {
  /** Indices of the runs in the model. */
  readonly runs: readonly number[];
  readonly images: number;
  readonly covariance: readonly Float64Array[];
}

/**
 * Returns the variance of a contrast of accuracies that is due to the images being a sample. Let d_i be the contrast of
 * image i, of N images, and se_i its least-squares error. The variance is then sd(d_i)^2/N - sum(se_i^2)/N^2. The
 * subtraction is needed because the spread of the d_i includes the noise of the runs, which the runs' own variance
 * already counts.
 *
 * If blocks have their own images, the spread is computed within each block and summed. The residuals then contain part
 * of the image sampling, because blocks differ by it. Its expected share is the images' contribution to the residual
 * sum of squares. For shared images this is the same formula.
 *
 * @param groups the runs' indices, grouped by the images that they share
 * @param correct per run, 1 for each correctly classified image, else 0
 * @param fit of the runs: its residuals, and their degrees of freedom
 * @returns null if a run has no correctness, or runs of a group have different numbers of images
 */
export function imagesPartOf(
  groups: readonly (readonly number[])[],
  correct: readonly (Uint8Array | null)[],
  fit: { readonly residualMaker: readonly Float64Array[]; readonly degrees: number },
): ((weights: Float64Array) => ImagesPart) | null {
  const known: Group[] = [];
  for (const runs of groups) {
    const group = groupOf(runs, correct);
    if (!group) return null;
    known.push(group);
  }
  const degrees = known.reduce((sum, { images }) => sum + images - 1, 0);
  // Contribution of the image sampling to the residual variance, including the noise of single images.
  const inResiduals =
    fit.degrees === 0
      ? 0
      : known.reduce((sum, group) => sum + residualPart(group, fit.residualMaker), 0) / fit.degrees;
  return (weights) => {
    const least = 1e4 * known.reduce((sum, group) => sum + spreadOf(group, weights), 0);
    const variance = least - 1e4 * dot(weights, weights) * inResiduals;
    // Shared images never reduce the runs' own variance. A negative value here is chance.
    return known.length === 1
      ? { variance: Math.max(variance, 0), least: 0, degrees }
      : { variance, least, degrees };
  };
}

function spreadOf({ runs, covariance }: Group, all: Float64Array): number {
  const weights = runs.map((run) => all[run] ?? 0);
  return covariance.reduce((sum, row, run) => sum + (weights[run] ?? 0) * dot(row, weights), 0);
}

function residualPart({ runs, covariance }: Group, residualMaker: readonly Float64Array[]): number {
  return covariance.reduce((sum, row, a) => {
    const residual = residualMaker[runs[a] ?? 0];
    return sum + runs.reduce((inner, run, b) => inner + (residual?.[run] ?? 0) * (row[b] ?? 0), 0);
  }, 0);
}

/** Computes the covariance of the runs' accuracies from the number of images that each pair of runs gets right. */
function groupOf(runs: readonly number[], correct: readonly (Uint8Array | null)[]): Group | null {
  const bits: Uint32Array[] = [];
  let images: number | null = null;
  for (const run of runs) {
    const answers = correct[run];
    if (!answers || answers.length < 2 || (images ?? answers.length) !== answers.length) return null;
    images = answers.length;
    bits.push(packed(answers));
  }
  if (images === null) return null;
  const covariance = bits.map(() => new Float64Array(bits.length));
  const shares = bits.map((words) => countOfBoth(words, words) / (images ?? 1));
  bits.forEach((first, a) => {
    for (let b = a; b < bits.length; b++) {
      const both = countOfBoth(first, bits[b] ?? first) / (images ?? 1);
      const value = (both - (shares[a] ?? 0) * (shares[b] ?? 0)) / ((images ?? 2) - 1);
      (covariance[a] as Float64Array)[b] = value;
      (covariance[b] as Float64Array)[a] = value;
    }
  });
  return { runs, images, covariance };
}

/** Packs correctness into bits, 32 images per word. */
function packed(answers: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(answers.length / 32));
  for (let image = 0; image < answers.length; image++)
    if (answers[image]) words[image >> 5] = (words[image >> 5] ?? 0) | (1 << (image & 31));
  return words;
}

function countOfBoth(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < a.length; word++) {
    // Counts the bits of a word in pairs, fours and bytes (Warren, Hacker's Delight, 5-1).
    let bits = (a[word] as number) & (b[word] as number);
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    count += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
