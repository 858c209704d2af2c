import type { DatasetFacts } from './datasets';
import type { Recipe } from './recipe';

/** What a class counts in a training. Plain data. */
export interface ClassBalance {
  readonly name: string;
  /** Training images. */
  readonly images: number;
  /** What a loss of an image of this class is multiplied by. */
  readonly weight: number;
  /** Images of it in an epoch, on average. */
  readonly imagesPerEpoch: number;
}

/** Training images of each class, by label; null where nobody has counted them. */
export function trainCountsOf({
  fingerprint,
  trainCounts,
  trainImages,
  classes,
}: DatasetFacts): readonly number[] | null {
  if (trainCounts) return trainCounts.length === classes ? trainCounts : null;
  if (fingerprint !== undefined) return null;
  // In Fashion-MNIST all classes have as many images; in the synthetic set their labels take turns.
  return Array.from({ length: classes }, (_, label) => Math.ceil((trainImages - label) / classes));
}

/**
 * Class weights n / (K n_c) for n images, n_c of them of class c, and K classes that have any (King and Zeng 2001, as
 * scikit-learn's `balanced`): all images of a class together count as much as those of any other. A class without
 * images has weight 0.
 */
export function balancedWeights(counts: readonly number[]): number[] {
  const images = counts.reduce((sum, count) => sum + count, 0);
  const classes = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : images / (classes * count)));
}

/** What each class counts under a recipe; null where it treats classes alike, or nobody has counted their images. */
export function classBalanceOf({ data, loss: { classWeights } }: Recipe): ClassBalance[] | null {
  const counts = trainCountsOf(data.dataset);
  if (!counts || (classWeights === null && data.sampling === 'uniform')) return null;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((images, label) => ({
    name: data.dataset.classNames[label] ?? `${label}`,
    images,
    weight: classWeights?.[label] ?? 1,
    imagesPerEpoch:
      data.sampling === 'uniform' ? images : images === 0 ? 0 : data.dataset.trainImages / present,
  }));
}
