/**
 * The data sets an experiment can name, and what a model, a loss and a schedule need to know of each: counts,
 * shape, classes, and the mean and deviation its pixels are normalised by. Reading pixels is the trainer's.
 */

import { assertNever } from '../shared/assertNever';

export const DATASET_NAMES = ['fashion-mnist', 'fashion-mnist-sample', 'synthetic'] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

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

/** The part of an experiment that chooses its data; what the synthetic set leaves out has its default. */
export type DatasetRequest =
  | { readonly dataset: 'fashion-mnist' | 'fashion-mnist-sample' }
  | ({ readonly dataset: 'synthetic' } & Partial<SyntheticOptions>);

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

/** What is known of the data set an experiment asks for, without opening it. */
export function datasetFacts(request: DatasetRequest): DatasetFacts {
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
