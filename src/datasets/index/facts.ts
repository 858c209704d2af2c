import { createHash } from 'node:crypto';
import type { OwnDatasetRequest, Quantiles, SourceFacts } from '../../recipe/datasets';
import { nameAt, type SplitTable } from '../table';
import { HASH_BYTES, type Looks, SEEN, type SeenSplit, SPLIT_NAMES, type SplitName } from './tables';

/** Whether an image was scanned and is readable. */
export function isReadable({ flags }: Looks, image: number): boolean {
  return (flags[image]! & (SEEN.looked | SEEN.bad)) === SEEN.looked;
}

/** Counts the readable images per class, by label. Empty if the split does not exist. */
export function countsOf(splits: readonly SeenSplit[], name: SplitName, classes: number): number[] {
  const split = splits.find((each) => each.name === name);
  if (!split) return name === 'test' ? [] : Array<number>(classes).fill(0);
  const counts = Array<number>(classes).fill(0);
  for (const [image, label] of split.table.labels.entries()) {
    if (isReadable(split.looks, image)) counts[label]!++;
  }
  return counts;
}

/**
 * Computes what a recipe needs to know of a data set's readable images. Sizes, mean and standard deviation are of the
 * training images.
 */
export function factsOf(
  dataset: OwnDatasetRequest['dataset'],
  classNames: readonly string[],
  splits: readonly SeenSplit[],
): SourceFacts {
  const counts = (name: SplitName) => countsOf(splits, name, classNames.length);
  const trainCounts = counts('train');
  const train = splits.find(({ name }) => name === 'train');
  const channels = splits.every(isAllGray) ? 1 : 3;
  return {
    dataset,
    trainImages: sum(trainCounts),
    validationImages: sum(counts('validation')),
    testImages: sum(counts('test')),
    classNames,
    trainCounts,
    channels,
    ...sizesOf(train),
    ...meanAndStd(train, channels),
    fingerprint: fingerprintOf(splits, classNames),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function isAllGray({ looks }: SeenSplit): boolean {
  return looks.flags.every((flags, image) => !isReadable(looks, image) || (flags & SEEN.gray) !== 0);
}

function sizesOf(train: SeenSplit | undefined): Pick<SourceFacts, 'height' | 'width' | 'shortEdge'> {
  const [heights, widths, shortEdges] = [newHistogram(), newHistogram(), newHistogram()];
  if (train) {
    const { height, width, flags } = train.looks;
    for (let image = 0; image < flags.length; image++) {
      if (!isReadable(train.looks, image)) continue;
      heights[height[image]!]!++;
      widths[width[image]!]!++;
      shortEdges[Math.min(height[image]!, width[image]!)]!++;
    }
  }
  return { height: quantilesOf(heights), width: quantilesOf(widths), shortEdge: quantilesOf(shortEdges) };
}

function newHistogram(): Uint32Array {
  return new Uint32Array(2 ** 16);
}

/** Computes quantiles of the values in a histogram. Quantile q is the value of rank q (n - 1), rounded. */
function quantilesOf(histogram: Uint32Array): Quantiles {
  const count = histogram.reduce((total, each) => total + each, 0);
  const at = (quantile: number): number => {
    let left = Math.round(quantile * (count - 1));
    for (const [value, times] of histogram.entries()) {
      if (left < times) return value;
      left -= times;
    }
    return 0;
  };
  return { min: at(0), p05: at(0.05), median: at(0.5), p95: at(0.95), max: at(1) };
}

/**
 * Computes the per-channel mean and standard deviation of the decoded training images, with pixels scaled to 0..1. Each
 * image has the same weight whatever its size, as if all were first resized to one size.
 */
function meanAndStd(train: SeenSplit | undefined, channels: 1 | 3): Pick<SourceFacts, 'mean' | 'std'> {
  const mean = Array<number>(channels).fill(0);
  const squares = Array<number>(channels).fill(0);
  let count = 0;
  if (train) {
    const { details, flags } = train.looks;
    const moments = details.moments.length / Math.max(1, details.images.length);
    for (const [slot, image] of details.images.entries()) {
      if (!isReadable(train.looks, image) || (flags[image]! & SEEN.decoded) === 0) continue;
      count++;
      for (let channel = 0; channel < channels; channel++) {
        mean[channel]! += details.moments[slot * moments + channel]!;
        squares[channel]! += details.moments[slot * moments + 3 + channel]!;
      }
    }
  }
  const means = mean.map((total) => total / Math.max(1, count));
  const std = squares.map((total, channel) =>
    Math.sqrt(Math.max(0, total / Math.max(1, count) - means[channel]! ** 2)),
  );
  return { mean: means, std };
}

/**
 * Returns the SHA-256 of the readable images in sorted order: split, class name, image name and content hash. Two
 * indexes have the same fingerprint if they hold the same images under the same names and labels, in any location.
 */
function fingerprintOf(splits: readonly SeenSplit[], classNames: readonly string[]): string {
  const sha256 = createHash('sha256');
  const names = SPLIT_NAMES.flatMap((name) => splits.filter((split) => split.name === name));
  const ranks = ranksOf(classNames);
  for (const { name, table, looks } of names) {
    for (const image of sortedImages(table, ranks)) {
      if (!isReadable(looks, image)) continue;
      const text = table.kind === 'pixels' ? `${image}` : nameAt(table.names, image);
      sha256.update(`${name}\0${classNames[table.labels[image]!]}\0${text}\0`);
      sha256.update(looks.hash.subarray(image * HASH_BYTES, (image + 1) * HASH_BYTES));
    }
  }
  return sha256.digest('hex');
}

/** Returns each class's rank among the sorted names. */
function ranksOf(classNames: readonly string[]): Uint32Array {
  const order = classNames
    .map((_, label) => label)
    .sort((a, b) => (classNames[a]! < classNames[b]! ? -1 : 1));
  const ranks = new Uint32Array(classNames.length);
  for (const [rank, label] of order.entries()) ranks[label] = rank;
  return ranks;
}

/** Sorts a split's images by class and name, in code point order. */
function sortedImages(table: SplitTable, ranks: Uint32Array): Uint32Array {
  const order = new Uint32Array(table.labels.length);
  for (let image = 0; image < order.length; image++) order[image] = image;
  const compare = (a: number, b: number) =>
    ranks[table.labels[a]!]! - ranks[table.labels[b]!]! || compareNames(table, a, b) || a - b;
  // Listings are usually sorted already. One pass confirms it.
  for (let image = 1; image < order.length; image++) {
    if (compare(image - 1, image) > 0) return order.sort(compare);
  }
  return order;
}

function compareNames(table: SplitTable, a: number, b: number): number {
  if (table.kind === 'pixels') return 0;
  const { text, starts } = table.names;
  const [startA, startB] = [starts[a]!, starts[b]!];
  const [lengthA, lengthB] = [starts[a + 1]! - startA, starts[b + 1]! - startB];
  for (let at = 0; at < Math.min(lengthA, lengthB); at++) {
    const difference = text[startA + at]! - text[startB + at]!;
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}
