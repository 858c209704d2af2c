/**
 * The data sets that an experiment can name, with the facts that a model, a loss and a schedule need: counts, shape,
 * classes, and the mean and standard deviation for pixel normalization. The trainer reads the pixels.
 */

import { assertNever } from '../shared/assertNever';

/** Data sets whose facts are known without reading them. */
export const KNOWN_DATASETS = ['fashion-mnist', 'fashion-mnist-sample', 'synthetic'] as const;
/** Users' own data sets. Their facts come from an index. */
export const OWN_DATASETS = [
  'image_folder',
  'csv',
  'cifar10',
  'cifar100',
  'idx',
  'npz',
  'parquet',
  'webdataset',
] as const;
export const DATASET_NAMES = [...KNOWN_DATASETS, ...OWN_DATASETS] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

/** Facts that training needs about its images, as the network sees them. */
export interface DatasetFacts {
  readonly name: DatasetName;
  readonly trainImages: number;
  readonly validationImages: number;
  /** In pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  /** One name per class, by label. */
  readonly classNames: readonly string[];
  /** Per-channel mean of the training images' pixels scaled to 0..1. */
  readonly mean: readonly number[];
  /** Per-channel standard deviation, to match `mean`. */
  readonly std: readonly number[];
  /**
   * Only for users' own images: identifies the files with their labels and splits. Runs with different fingerprints are
   * not compared.
   */
  readonly fingerprint?: string;
  /** Only for users' own images: training images per class, by label. */
  readonly trainCounts?: readonly number[];
}

/** User settings of the synthetic data set. */
export interface SyntheticOptions {
  readonly train_images: number;
  readonly validation_images: number;
  /** In pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  /** Selects the images. Independent of the experiment's seed, so repeated runs see the same data. */
  readonly seed: number;
}

/** Fashion-MNIST's shape, with few images to keep epochs short. */
export const SYNTHETIC_DEFAULTS: SyntheticOptions = {
  train_images: 2048,
  validation_images: 512,
  height: 28,
  width: 28,
  channels: 1,
  classes: 10,
  seed: 0,
};

/** Splits validation images from the training images of a data set that has no validation set. */
export interface SplitOptions {
  /** Fraction of the images, in (0, 1). */
  readonly validation: number;
  /** Selects the images. Independent of the experiment's seed. */
  readonly seed: number;
  /** Keeps images of the same group on one side of the split: a pattern over their path, or a column. */
  readonly group_by?: string | undefined;
  /** Replaces the fraction: validation is one of several parts, stratified by class. */
  readonly fold?: SplitFold | undefined;
}

/** One of several folds, counted from 0. */
export interface SplitFold {
  readonly index: number;
  readonly of: number;
}

/** A user's own data set, as written in an experiment. Paths are relative to the experiment file's folder. */
export type OwnDatasetRequest =
  | { readonly dataset: 'image_folder'; readonly path: string; readonly split: SplitOptions }
  | {
      readonly dataset: 'csv';
      readonly path: string;
      readonly image_column: string;
      readonly label_column: string;
      readonly split_column?: string | undefined;
      readonly split: SplitOptions;
    }
  | {
      readonly dataset: 'cifar10' | 'cifar100';
      /** A folder or the published archive. If absent, the data set is found or downloaded. */
      readonly path?: string | undefined;
      readonly split: SplitOptions;
    }
  | { readonly dataset: 'idx' | 'npz'; readonly path: string; readonly split: SplitOptions }
  | {
      readonly dataset: 'parquet';
      readonly path: string;
      readonly image_column: string;
      readonly label_column: string;
      readonly split: SplitOptions;
    }
  | {
      readonly dataset: 'webdataset';
      /** Shards, e.g. shards/train-{000..009}.tar, or a pattern with *. */
      readonly train: string;
      readonly validation?: string | undefined;
      readonly test?: string | undefined;
      readonly split: SplitOptions;
    };

/** A built-in data set. Options that the synthetic one omits take their defaults. */
export type KnownDatasetRequest =
  | { readonly dataset: 'fashion-mnist' | 'fashion-mnist-sample' }
  | ({ readonly dataset: 'synthetic' } & Partial<SyntheticOptions>);

/** The data section of an experiment. */
export type DatasetRequest = KnownDatasetRequest | OwnDatasetRequest;

/** Minimum, the 5%, 50% and 95% quantiles, and maximum. */
export interface Quantiles {
  readonly min: number;
  readonly p05: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** Facts that an index holds about a user's own images, before cropping or resizing for a network. */
export interface SourceFacts {
  readonly dataset: OwnDatasetRequest['dataset'];
  readonly trainImages: number;
  readonly validationImages: number;
  readonly testImages: number;
  /** One name per class, by label. */
  readonly classNames: readonly string[];
  /** Training images per class, by label. */
  readonly trainCounts: readonly number[];
  /** 1 if all images are gray, else 3. */
  readonly channels: 1 | 3;
  /** Pixel sizes of the training images. */
  readonly height: Quantiles;
  readonly width: Quantiles;
  readonly shortEdge: Quantiles;
  /** Per-channel mean of the training images' pixels scaled to 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** SHA-256 of the images' names, contents, labels and splits. */
  readonly fingerprint: string;
}

/** Returns the facts of a data set's images; null if they are not indexed. */
export type FactsLookup = (request: OwnDatasetRequest) => SourceFacts | null;

/** A lookup with nothing indexed. */
export const NO_FACTS: FactsLookup = () => null;

/** Whether the facts of a data set come from an index. */
export function isOwnDataset(request: DatasetRequest): request is OwnDatasetRequest {
  return OWN_DATASETS.some((name) => name === request.dataset);
}

/**
 * Xiao, Rasul and Vollgraf 2017 (arXiv 1708.07747). The mean and standard deviation cover all 47,040,000 pixels of the
 * 60,000 training images divided by 255, computed from the published files. The sample uses the same normalization, so
 * a model moves between the two unchanged.
 */
const FASHION_MNIST = {
  height: 28,
  width: 28,
  channels: 1,
  classes: 10,
  classNames: [
    'T-shirt/top',
    'Trouser',
    'Pullover',
    'Dress',
    'Coat',
    'Sandal',
    'Shirt',
    'Sneaker',
    'Bag',
    'Ankle boot',
  ],
  mean: [0.286041],
  std: [0.353024],
} as const;

/**
 * A synthetic pixel is (pattern + 3 noise) / 4, with the class's pattern and the noise both uniform over 0..1. This is
 * the standard deviation of that sum.
 */
const SYNTHETIC_STD = Math.hypot(1, 3) / 4 / Math.sqrt(12);

/** Returns the facts of a built-in data set without opening it. */
export function datasetFacts(request: KnownDatasetRequest): DatasetFacts {
  switch (request.dataset) {
    case 'fashion-mnist':
      return { name: request.dataset, trainImages: 60_000, validationImages: 10_000, ...FASHION_MNIST };
    case 'fashion-mnist-sample':
      return { name: request.dataset, trainImages: 12_000, validationImages: 2_000, ...FASHION_MNIST };
    case 'synthetic': {
      const options = syntheticOptions(request);
      return {
        name: request.dataset,
        trainImages: options.train_images,
        validationImages: options.validation_images,
        height: options.height,
        width: options.width,
        channels: options.channels,
        classes: options.classes,
        classNames: Array.from({ length: options.classes }, (_, label) => `class ${label}`),
        mean: Array<number>(options.channels).fill(0.5),
        std: Array<number>(options.channels).fill(SYNTHETIC_STD),
      };
    }
    default:
      return assertNever(request);
  }
}

/** Returns the synthetic set's options with defaults filled in. */
export function syntheticOptions(request: Partial<SyntheticOptions>): SyntheticOptions {
  const given = Object.entries(request).filter(
    ([key, value]) => key in SYNTHETIC_DEFAULTS && value !== undefined,
  );
  return { ...SYNTHETIC_DEFAULTS, ...Object.fromEntries(given) };
}
