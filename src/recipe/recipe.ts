import type { ModelSpec } from '../models/catalog';
import { isMapping } from '../shared/values';
import type { Augmentation, Interpolation } from './augmentation';
import type { DatasetFacts, DatasetRequest } from './datasets';
import type { EngineRequest, HalfExecution } from './engineNames';
import type { ParameterGroup } from './parameterGroups';
import type { Schedule } from './schedule';

/**
 * Version of the recipe format. Raise it if an existing field changes its meaning or is removed. Runs of an older
 * version are then shown but not resumed. A new field with a default in `RECIPE_DEFAULTS` needs no new version: older
 * runs are read with that default and keep their key.
 */
export const RECIPE_VERSION = 2;

/**
 * How the optimizer turns gradients into updates, in PyTorch's form: the learning rate multiplies the optimizer state.
 * `sgd`, `adam` and `lars` add weight decay to the gradient. `adamw` and `lamb` subtract it from the weight.
 */
export type OptimizerRecipe =
  | { readonly name: 'sgd'; readonly momentum: number; readonly nesterov: boolean }
  | {
      readonly name: 'adam' | 'adamw' | 'lamb';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
    }
  | { readonly name: 'lars'; readonly momentum: number; readonly trustCoefficient: number };

/** Gradient processing before the optimizer. */
export interface GradientRecipe {
  /** Number of batches whose mean gradient makes one step. */
  readonly accumulation: number;
  /** Upper limit on the global gradient norm; null does not clip. */
  readonly maxNorm: number | null;
  /**
   * rho of sharpness-aware minimization (SAM): the distance of the ascent step. Null takes the gradient at the weights
   * themselves.
   */
  readonly sharpnessRadius: number | null;
}

/** A moving average of the weights, evaluated alongside them. */
export interface AveragingRecipe {
  /** Share of the average kept at each step. */
  readonly decay: number;
  /** Whether the average keeps less in the first steps: at most (1 + t) / (10 + t) at step t. */
  readonly warmup: boolean;
}

/** Loss scaling that keeps gradients within half precision's range: dynamic as in torch.amp.GradScaler, or constant. */
export type LossScaling =
  | {
      readonly kind: 'dynamic';
      readonly initial: number;
      readonly growthFactor: number;
      readonly backoffFactor: number;
      /** Consecutive steps without overflow after which the scale grows. */
      readonly growthInterval: number;
    }
  | { readonly kind: 'static'; readonly scale: number };

/** Precision of the weights in use, activations and gradients. Master weights, statistics and loss are FP32. */
export type Precision =
  | { readonly compute: 'float32' }
  | { readonly compute: 'float16'; readonly execution: HalfExecution; readonly lossScale: LossScaling }
  | { readonly compute: 'bfloat16'; readonly execution: HalfExecution };

export interface DistillationRecipe {
  /** A run's id, or the path of a checkpoint. */
  readonly teacher: string;
  /** Divides the logits of teacher and student. */
  readonly temperature: number;
  /** Weight of the distillation loss relative to the label loss. */
  readonly weight: number;
}

/** Mixes two images of a batch and their labels. If both methods are given, each batch draws one. */
export interface MixingRecipe {
  readonly mixup: { readonly alpha: number } | null;
  readonly cutmix: { readonly alpha: number; readonly probability: number } | null;
}

/** Erases a rectangle of an image. Its share of the area and its aspect are drawn from these ranges. */
export interface ErasingRecipe {
  readonly probability: number;
  readonly minArea: number;
  readonly maxArea: number;
  /** Minimum height / width; the maximum is its inverse. */
  readonly minAspect: number;
}

/** How stored images of any size become network input. */
export interface ImagesRecipe {
  /** Side in pixels. The channels come from the data set's facts. */
  readonly size: number;
  readonly interpolation: Interpolation;
  /** Fraction of the short edge that the center crop keeps in evaluation. */
  readonly cropPct: number;
  /** Short edge in pixels to which images are resized once and stored. Null decodes the originals each time. */
  readonly presize: number | null;
  readonly onBadImage: 'fail' | 'skip';
}

/** The training data. */
export interface DataRecipe {
  /** The data set to open. */
  readonly source: DatasetRequest;
  /** Facts of the data set. */
  readonly dataset: DatasetFacts;
  /** Images per batch. A step takes `gradients.accumulation` batches. */
  readonly batchSize: number;
  readonly augment: Augmentation;
  /** Whether to reshuffle every epoch. Otherwise images come in data set order. */
  readonly shuffle: boolean;
  /** How images are brought to one size. Null if all are already at the network's input size. */
  readonly images: ImagesRecipe | null;
  /** `uniform`: an epoch takes each image once. `balanced`: it draws every class equally often. */
  readonly sampling: 'uniform' | 'balanced';
  readonly erasing: ErasingRecipe | null;
  readonly mixing: MixingRecipe | null;
}

/** Initial state of the network. */
export interface InitializationRecipe {
  /** Whether the last batch norm of every residual branch starts with gamma 0. */
  readonly zeroGamma: boolean;
  /**
   * Initial weights: a file, relative to the experiment file's folder, or the name of published weights such as
   * `torchvision:resnet50.IMAGENET1K_V2`.
   */
  readonly weights: string | null;
  /** When to replace the weights' classifier: if the classes differ (`auto`), or always (`new`). */
  readonly head: 'auto' | 'new';
  /** Names of frozen stages and modules. */
  readonly freeze: readonly string[];
}

export interface LossRecipe {
  /** Share of each target that is spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** Loss multiplier per label; null weights all classes equally. */
  readonly classWeights: readonly number[] | null;
  readonly distillation: DistillationRecipe | null;
}

/** A complete description of a training as plain data. The trainer knows only recipes, never tricks. */
export interface Recipe {
  readonly version: typeof RECIPE_VERSION;
  readonly name: string;
  /** Names of the tricks that produced this recipe. */
  readonly tricks: readonly string[];
  readonly data: DataRecipe;
  readonly model: ModelSpec;
  readonly initialization: InitializationRecipe;
  readonly loss: LossRecipe;
  readonly parameterGroups: readonly ParameterGroup[];
  readonly gradients: GradientRecipe;
  readonly optimizer: OptimizerRecipe;
  readonly averaging: AveragingRecipe | null;
  readonly precision: Precision;
  readonly epochs: number;
  readonly schedule: Schedule;
  readonly seed: number;
  readonly engine: EngineRequest;
}

/**
 * Default values of the recipe's effect fields, used if no trick changes them. Fields at their default do not enter a
 * recipe's key, and a run written before a field existed is read with its default. A new effect therefore neither
 * separates earlier runs from later ones nor keeps them from being resumed.
 */
export const RECIPE_DEFAULTS = {
  data: { images: null, sampling: 'uniform', erasing: null, mixing: null },
  initialization: { zeroGamma: false, weights: null, head: 'auto', freeze: [] },
  loss: { labelSmoothing: 0, classWeights: null, distillation: null },
  gradients: { accumulation: 1, maxNorm: null, sharpnessRadius: null },
  averaging: null,
} satisfies EffectFields;

/** All fields of these parts belong to effects, except those of `DataRecipe` that describe the data itself. */
type EffectFields = Pick<Recipe, 'initialization' | 'loss' | 'gradients' | 'averaging'> & {
  readonly data: Omit<DataRecipe, 'source' | 'dataset' | 'batchSize' | 'augment' | 'shuffle'>;
};

/** Fills in defaults for the fields that a stored recipe lacks, e.g. because it predates an effect. */
export function withDefaults(stored: Recipe): Recipe {
  const { data, initialization, loss, gradients, averaging } = RECIPE_DEFAULTS;
  return {
    ...stored,
    data: completed(stored.data, data),
    initialization: completed(stored.initialization, initialization),
    loss: completed(stored.loss, loss),
    gradients: completed(stored.gradients, gradients),
    averaging: stored.averaging ?? averaging,
  };
}

/** Fills in missing defaults after the existing fields. */
function completed<Part extends object>(stored: Part | undefined, defaults: Partial<Part>): Part {
  return { ...stored, ...defaults, ...stored } as Part;
}

/**
 * Returns a key of what a recipe trains. It ignores name, tricks, seed and engine. It also ignores how half precision
 * is executed, which depends on the engine.
 */
export function recipeKey(recipe: Recipe): string {
  const { name: _, tricks: __, seed: ___, engine: ____, precision, ...trained } = recipe;
  const { execution: _____, ...format } = { execution: null, ...precision };
  return canonical(withoutDefaults({ ...trained, precision: format }, RECIPE_DEFAULTS));
}

/** Returns the fields that differ from `defaults`. */
function withoutDefaults(value: object, defaults: object): object {
  const known = new Map<string, unknown>(Object.entries(defaults));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => {
      const standard = known.get(key);
      if (isMapping(part) && isMapping(standard)) return [[key, withoutDefaults(part, standard)]];
      const isDefault = known.has(key) && (part === standard || (isEmpty(part) && isEmpty(standard)));
      return isDefault ? [] : [[key, part]];
    }),
  );
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Serializes to JSON with keys in a fixed order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    isMapping(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
