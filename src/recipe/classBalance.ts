import type { DatasetFacts } from './datasets';
import type { Recipe } from './recipe';

/** A class's weight in training. Plain data. */
export interface ClassBalance {
  readonly name: string;
  /** Number of training images. */
  readonly images: number;
  /** Loss multiplier for images of this class. */
  readonly weight: number;
  /** Expected number of its images per epoch. */
  readonly imagesPerEpoch: number;
}

/** Returns the number of training images per class, by label; null if unknown. */
export function trainCountsOf({
  fingerprint,
  trainCounts,
  trainImages,
  classes,
}: DatasetFacts): readonly number[] | null {
  if (trainCounts) return trainCounts.length === classes ? trainCounts : null;
  if (fingerprint !== undefined) return null;
  // Fashion-MNIST's classes are equal in size, and the synthetic set cycles through its labels.
  return Array.from({ length: classes }, (_, label) => Math.ceil((trainImages - label) / classes));
}

/**
 * Returns the class weights n / (K n_c) for n images, n_c of them in class c, and K non-empty classes (King and Zeng
 * 2001; scikit-learn's `balanced`). Each class then has the same total weight. A class without images has weight 0.
 */
export function balancedWeights(counts: readonly number[]): number[] {
  const images = counts.reduce((sum, count) => sum + count, 0);
  const classes = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : images / (classes * count)));
}

/**
 * Returns the weight of each class under a recipe; null if the recipe treats classes alike or the counts are unknown.
 */
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
