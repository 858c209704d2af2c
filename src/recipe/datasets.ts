/**
 * The data sets an experiment can name, and what a model, a loss and a schedule need to know of each: counts,
 * shape, classes, and the mean and deviation its pixels are normalised by. Reading pixels is the trainer's.
 */

import { assertNever } from '../shared/assertNever';

/** The data sets whose facts are known without looking at them. */
export const KNOWN_DATASETS = ['fashion-mnist', 'fashion-mnist-sample', 'synthetic'] as const;
/** The data sets that a person brings: their facts come from an index. */
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

/** What a training needs to know of its images, as the network sees them. */
export interface DatasetFacts {
  readonly name: DatasetName;
  readonly trainImages: number;
  readonly validationImages: number;
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  /** One name per class, by label. */
  readonly classNames: readonly string[];
  /** Per channel, of the training images' pixels scaled to 0..1. */
  readonly mean: readonly number[];
  /** Per channel, the standard deviation that goes with `mean`. */
  readonly std: readonly number[];
  /** Of a person's own images: which files they are, with their labels and splits. Runs that differ in it are not compared. */
  readonly fingerprint?: string;
  /** Of a person's own images: training images of each class, by label. */
  readonly trainCounts?: readonly number[];
}

/** What a person can set of the synthetic data set. */
export interface SyntheticOptions {
  readonly train_images: number;
  readonly validation_images: number;
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  /** Which images are drawn; apart from the experiment's seed, so that repeated runs see the same data. */
  readonly seed: number;
}

/** Fashion-MNIST's shape, and few enough images that an epoch is short. */
export const SYNTHETIC_DEFAULTS: SyntheticOptions = {
  train_images: 2048,
  validation_images: 512,
  height: 28,
  width: 28,
  channels: 1,
  classes: 10,
  seed: 0,
};

/** How validation images are split from the training images, where a data set has none of its own. */
export interface SplitOptions {
  /** Their share, in (0, 1). */
  readonly validation: number;
  /** Which images they are, apart from the experiment's seed. */
  readonly seed: number;
  /** What keeps images on one side: a pattern over their path, or a column. */
  readonly group_by?: string | undefined;
  /** In place of the share: which of so many parts, stratified by class, is validation. */
  readonly fold?: SplitFold | undefined;
}

/** One of so many parts, from 0. */
export interface SplitFold {
  readonly index: number;
  readonly of: number;
}

/** A data set of a person's own, as an experiment writes it; paths are relative to the experiment file's folder. */
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
      /** A folder or the published archive; without it, it is found or downloaded. */
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
      /** Shards, such as shards/train-{000..009}.tar, or a pattern with *. */
      readonly train: string;
      readonly validation?: string | undefined;
      readonly test?: string | undefined;
      readonly split: SplitOptions;
    };

/** A data set that the product knows; what the synthetic one leaves out has its default. */
export type KnownDatasetRequest =
  | { readonly dataset: 'fashion-mnist' | 'fashion-mnist-sample' }
  | ({ readonly dataset: 'synthetic' } & Partial<SyntheticOptions>);

/** The part of an experiment that chooses its data. */
export type DatasetRequest = KnownDatasetRequest | OwnDatasetRequest;

/** The smallest, the 5%, 50% and 95% quantiles, and the largest. */
export interface Quantiles {
  readonly min: number;
  readonly p05: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/** What an index knows of a person's own images, before they are cropped or resized for a network. */
export interface SourceFacts {
  readonly dataset: OwnDatasetRequest['dataset'];
  readonly trainImages: number;
  readonly validationImages: number;
  readonly testImages: number;
  /** One name per class, by label. */
  readonly classNames: readonly string[];
  /** Training images of each class, by label. */
  readonly trainCounts: readonly number[];
  /** 1 where all images are grey, else 3. */
  readonly channels: 1 | 3;
  /** Pixels, of the training images. */
  readonly height: Quantiles;
  readonly width: Quantiles;
  readonly shortEdge: Quantiles;
  /** Per channel, of the training images' pixels scaled to 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** SHA-256 of the images' names, content, labels and splits. */
  readonly fingerprint: string;
}

/** What is known of a data set's images; null where they have not been indexed. */
export type FactsLookup = (request: OwnDatasetRequest) => SourceFacts | null;

/** Nothing is indexed. */
export const NO_FACTS: FactsLookup = () => null;

/** Whether the facts of a data set come from an index. */
export function isOwnDataset(request: DatasetRequest): request is OwnDatasetRequest {
  return OWN_DATASETS.some((name) => name === request.dataset);
}

/**
 * Xiao, Rasul and Vollgraf 2017 (arXiv 1708.07747). Mean and deviation are those of all 47,040,000 pixels of
 * the 60,000 training images divided by 255, computed from the published files; the sample is normalised by
 * them too, so that a model moves between the two unchanged.
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
 * A synthetic pixel is its class's pattern and three times as much noise, both uniform over 0..1, over four:
 * the deviation of such a sum.
 */
const SYNTHETIC_STD = Math.hypot(1, 3) / 4 / Math.sqrt(12);

/** What is known of a data set without opening it. */
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

/** The synthetic set's options with their defaults filled in. */
export function syntheticOptions(request: Partial<SyntheticOptions>): SyntheticOptions {
  const given = Object.entries(request).filter(
    ([key, value]) => key in SYNTHETIC_DEFAULTS && value !== undefined,
  );
  return { ...SYNTHETIC_DEFAULTS, ...Object.fromEntries(given) };
}
