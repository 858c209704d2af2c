import { defaultTask } from '../models/catalog';
import {
  AUGMENTATION_PRESETS,
  type Augmentation,
  type AugmentationStep,
  type Placing,
} from '../recipe/augmentation';
import {
  type DatasetFacts,
  type DatasetRequest,
  datasetFacts,
  isOwnDataset,
  type SourceFacts,
} from '../recipe/datasets';
import { type Preprocessing, preprocessingOf } from '../recipe/pretrained';
import { type DataRecipe, type ImagesRecipe, RECIPE_DEFAULTS } from '../recipe/recipe';
import { augmentationStepSchema, type Experiment } from './schema';

/**
 * Images up to this size are cropped with zero padding, like CIFAR's. Larger ones are cropped by area and aspect ratio.
 */
const SMALL_IMAGE_SIZE = 64;
/** The fraction of the short edge that ImageNet evaluation keeps: 224 of 256. */
const DEFAULT_CROP_PCT = 0.875;
/**
 * By default, images are resized once in advance if their short edge is longer than this many times the network's input
 * size.
 */
const PRESIZE_FROM = 2;
/** Short edge of pre-resized images, relative to the network's input size. Leaves room for a crop. */
const PRESIZE_MARGIN = 1.15;

/** ImageNet's counts, for data that has not been indexed. No trick considers them too small. */
const UNKNOWN_COUNTS = { trainImages: 1_281_167, validationImages: 50_000, testImages: 0 } as const;

/** Returns what an experiment trains on: facts as the network sees them, and how the images are prepared. */
export function dataPlan({ data, model, init, facts }: Experiment): DataRecipe {
  const { batch_size, augment, shuffle, sampling, ...rest } = data;
  const written = imagesOf(rest);
  const source = sourceOf(rest);
  const trained = isSynthetic(rest) ? null : preprocessingOfInit(init);
  // In the order in which people read a recipe.
  const plan = (
    dataset: DatasetFacts,
    augmentation: Augmentation,
    images: ImagesRecipe | null,
  ): DataRecipe => ({
    source,
    dataset,
    batchSize: batch_size,
    augment: augmentation,
    shuffle,
    ...RECIPE_DEFAULTS.data,
    images,
    sampling,
  });
  if (!isOwnDataset(source)) {
    const known = datasetFacts(source);
    const isAsStored =
      typeof augment === 'string' && isPlacing(augment) && Object.keys(written).length === 0 && !trained;
    if (isAsStored) return plan(known, augment, null);
    const size = written.image_size ?? model.input_size ?? trained?.inputSize ?? known.height;
    const images = imagesRecipe(written, size, { cropPct: 1, presize: null, ...trained });
    const dataset = seenFacts(known, size, written, trained);
    return plan(dataset, stepsOf(augment, size), images);
  }
  const own = facts ?? unindexedFacts(source, model.classes);
  const size =
    written.image_size ??
    model.input_size ??
    trained?.inputSize ??
    nativeSize(own) ??
    defaultTask(model.name).inputSize;
  const isNative = nativeSize(own) === size;
  const median = own.shortEdge.median;
  const images = imagesRecipe(written, size, {
    cropPct: isNative ? 1 : DEFAULT_CROP_PCT,
    presize: median > PRESIZE_FROM * size ? Math.round(PRESIZE_MARGIN * size) : null,
    ...trained,
  });
  const dataset = seenFacts(
    {
      name: own.dataset,
      trainImages: own.trainImages,
      validationImages: own.validationImages,
      height: size,
      width: size,
      channels: own.channels,
      classes: own.classNames.length,
      classNames: own.classNames,
      mean: own.mean,
      std: own.std,
      fingerprint: own.fingerprint,
      trainCounts: own.trainCounts,
    },
    size,
    written,
    trained,
  );
  return plan(dataset, stepsOf(augment, size), images);
}

/** Returns how images were preprocessed for the published weights that training starts from. */
export function preprocessingOfInit(init: Experiment['init']): Preprocessing | null {
  if (init === undefined) return null;
  return preprocessingOf(typeof init === 'string' ? init : init.weights);
}

type Written = Pick<
  Partial<Extract<Experiment['data'], { dataset: 'image_folder' }>>,
  'image_size' | 'channels' | 'interpolation' | 'crop_pct' | 'mean' | 'std' | 'presize' | 'on_bad_image'
>;
type Rest = Omit<Experiment['data'], 'batch_size' | 'augment' | 'shuffle' | 'sampling'>;

const IMAGE_KEYS = [
  'image_size',
  'channels',
  'interpolation',
  'crop_pct',
  'mean',
  'std',
  'presize',
  'on_bad_image',
] as const satisfies readonly (keyof Written)[];

/** Returns the file's settings for preparing images. Omits unset ones. */
function imagesOf(data: Rest): Written {
  const given = Object.entries(data).filter(
    ([key, value]) => value !== undefined && IMAGE_KEYS.some((each) => each === key) && !isSynthetic(data),
  );
  return Object.fromEntries(given) as Written;
}

/** Returns which images an experiment requests, without how they are prepared. */
function sourceOf(data: Rest): DatasetRequest {
  if (isSynthetic(data)) return data as DatasetRequest;
  const kept = Object.entries(data).filter(
    ([key, value]) => value !== undefined && !IMAGE_KEYS.some((each) => each === key),
  );
  return Object.fromEntries(kept) as unknown as DatasetRequest;
}

/** Returns the request for an experiment's data set, in the form that its index is keyed by. */
export function datasetRequest({ data }: Pick<Experiment, 'data'>): DatasetRequest {
  const { batch_size: _, augment: __, shuffle: ___, sampling: ____, ...rest } = data;
  return sourceOf(rest);
}

function isSynthetic(data: Rest): boolean {
  return data.dataset === 'synthetic';
}

function imagesRecipe(
  written: Written,
  size: number,
  defaults: Pick<ImagesRecipe, 'cropPct' | 'presize'> & Partial<Preprocessing>,
): ImagesRecipe {
  const presize = written.presize === false ? null : (written.presize ?? defaults.presize);
  return {
    size,
    interpolation: written.interpolation ?? defaults.interpolation ?? 'bilinear',
    cropPct: written.crop_pct ?? defaults.cropPct,
    presize,
    onBadImage: written.on_bad_image ?? 'fail',
  };
}

/**
 * Returns the facts as the network sees them: size, channels and normalization. Normalization comes from the file, else
 * from the training of the weights, else from the images' own statistics. Weights require color images, unless the file
 * says otherwise.
 */
function seenFacts(
  facts: DatasetFacts,
  size: number,
  written: Written,
  trained: Preprocessing | null,
): DatasetFacts {
  const channels = written.channels ?? (trained ? 3 : facts.channels);
  return {
    ...facts,
    height: size,
    width: size,
    channels,
    mean: perChannel(written.mean ?? trained?.mean ?? facts.mean, channels),
    std: perChannel(written.std ?? trained?.std ?? facts.std, channels),
  };
}

/**
 * Expands values to one per channel. Gray images have a single value for all channels. If color images need a single
 * value, it is their mean.
 */
function perChannel(values: number | readonly number[], channels: number): readonly number[] {
  const list = typeof values === 'number' ? [values] : values;
  if (list.length === channels) return list;
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  return Array<number>(channels).fill(mean);
}

/** Returns the side length if all images are square and of one size. */
function nativeSize({ height, width }: SourceFacts): number | null {
  const isOne = height.min === height.max && width.min === width.max && height.min === width.min;
  return isOne && height.min > 0 && height.min <= 2 * SMALL_IMAGE_SIZE ? height.min : null;
}

function isPlacing(augment: string): augment is Placing {
  return augment === 'none' || augment === 'flip' || augment === 'crop_flip';
}

/** Resolves a preset or a list to steps, for images of `size`. */
function stepsOf(augment: Experiment['data']['augment'], size: number): readonly AugmentationStep[] {
  if (typeof augment !== 'string') return augment.map((step) => stepOf(step, size));
  switch (augment) {
    case 'flip':
      return [stepOf('flip', size)];
    case 'crop_flip':
      return [stepOf('padded_crop', size), stepOf('flip', size)];
    default:
      return AUGMENTATION_PRESETS[augment].map((step) => {
        const isTooLarge = step.step === 'random_resized_crop' && augment !== 'imagenet';
        return isTooLarge && size <= SMALL_IMAGE_SIZE
          ? stepOf('padded_crop', size)
          : stepOf(step.step === 'padded_crop' ? 'padded_crop' : step, size);
      });
  }
}

type WrittenStep = Exclude<Experiment['data']['augment'], string>[number] | AugmentationStep;

/** Adds a step's defaults. Padding is an eighth of the size, which is 4 pixels for CIFAR's 32. */
function stepOf(written: WrittenStep, size: number): AugmentationStep {
  const step = typeof written === 'string' ? augmentationStepSchema.parse({ step: written }) : written;
  return step.step === 'padded_crop' ? { ...step, padding: step.padding ?? Math.round(size / 8) } : step;
}

/** Placeholder facts for data that has not been indexed. Values derived from them must not be shown as known. */
function unindexedFacts(source: DatasetRequest, classes = 1000): SourceFacts {
  const unknown = { min: 0, p05: 0, median: 0, p95: 0, max: 0 };
  return {
    dataset: source.dataset as SourceFacts['dataset'],
    ...UNKNOWN_COUNTS,
    classNames: Array.from({ length: classes }, (_, label) => `class ${label}`),
    trainCounts: [],
    channels: 3,
    height: unknown,
    width: unknown,
    shortEdge: unknown,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    fingerprint: '',
  };
}
