import { dot, type LeastSquares } from './leastSquares';

/** Correctness of some runs on the same images. */
export interface ImageGroup {
  /** The runs' indices in the model. */
  readonly runs: readonly number[];
  /** Of those runs alone, in their order: what is left is noise of single images. */
  readonly fit: LeastSquares;
}

/** What the choice of validation images adds to a contrast's variance. */
export interface ImagesPart {
  /** In points of a percent, squared; 0 where it drowns in the noise of the runs. */
  readonly variance: number;
  readonly degrees: number;
}

/** Sums over images of products of the runs' correctness, from which all else follows. */
interface Counts {
  readonly group: ImageGroup;
  readonly images: number;
  /** How many images each run answers right, and how many each two runs do: [runs], [runs][runs]. */
  readonly right: Float64Array;
  readonly rightOfBoth: readonly Float64Array[];
  /** Sum over images of the variance of one run's correctness on an image; null with no residual degree of freedom. */
  readonly noise: number | null;
}

/**
 * The variance that a contrast of accuracies has since the images are a sample. With d_i the contrast of image i and se_i
 * its least-squares error, of N images it is sd(d_i)^2/N - sum(se_i^2)/N^2: the spread of the d_i has the runs' noise in
 * it, which the runs' own variance counts already. Groups of other images add up.
 *
 * @param correct by run of the model, 1 where the answer to an image is right, else 0
 * @returns null where runs of a group have no images, or different numbers of them
 */
export function imagesPartOf(
  groups: readonly ImageGroup[],
  correct: readonly (Uint8Array | null)[],
): ((weights: Float64Array) => ImagesPart) | null {
  const counts: Counts[] = [];
  for (const group of groups) {
    const count = countsOf(group, correct);
    if (!count) return null;
    counts.push(count);
  }
  const images = counts.reduce((sum, each) => sum + each.images, 0);
  return (weights) => ({
    variance:
      1e4 *
      Math.max(
        0,
        counts.reduce((sum, each) => sum + variancePart(each, weights), 0),
      ),
    degrees: images - counts.length,
  });
}

function variancePart({ group, images, right, rightOfBoth, noise }: Counts, all: Float64Array): number {
  const weights = group.runs.map((run) => all[run] ?? 0);
  const sum = dot(weights, right);
  let squares = 0;
  rightOfBoth.forEach((row, run) => {
    squares += (weights[run] ?? 0) * dot(row, weights);
  });
  const spread = (squares - sum ** 2 / images) / (images - 1) / images;
  // Without residuals the noise counts twice, which errs on the safe side.
  return spread - (noise === null ? 0 : (dot(weights, weights) * noise) / images ** 2);
}

function countsOf(group: ImageGroup, correct: readonly (Uint8Array | null)[]): Counts | null {
  const bits: Uint32Array[] = [];
  let images: number | null = null;
  for (const run of group.runs) {
    const answers = correct[run];
    if (!answers || answers.length < 2 || (images ?? answers.length) !== answers.length) return null;
    images = answers.length;
    bits.push(packed(answers));
  }
  if (images === null) return null;
  const rightOfBoth = bits.map(() => new Float64Array(bits.length));
  bits.forEach((first, a) => {
    for (let b = a; b < bits.length; b++) {
      const count = countOfBoth(first, bits[b] ?? first);
      (rightOfBoth[a] as Float64Array)[b] = count;
      (rightOfBoth[b] as Float64Array)[a] = count;
    }
  });
  const right = Float64Array.from(rightOfBoth, (row, run) => row[run] ?? 0);
  const { degrees, residualMaker } = group.fit;
  const residual = residualMaker.reduce((sum, row, run) => sum + dot(row, rightOfBoth[run] ?? []), 0);
  return { group, images, right, rightOfBoth, noise: degrees > 0 ? residual / degrees : null };
}

/** Correctness, 32 images a word. */
function packed(answers: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(answers.length / 32));
  for (let image = 0; image < answers.length; image++)
    if (answers[image]) words[image >> 5] = (words[image >> 5] ?? 0) | (1 << (image & 31));
  return words;
}

function countOfBoth(a: Uint32Array, b: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < a.length; word++) {
    // Bits of a word, counted in pairs, fours and bytes (Warren, Hacker's Delight, 5-1).
    let bits = (a[word] as number) & (b[word] as number);
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    count += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
