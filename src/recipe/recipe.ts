import type { ModelSpec } from '../models/catalog';
import { isMapping } from '../shared/values';
import type { Augmentation, Interpolation } from './augmentation';
import type { DatasetFacts, DatasetRequest } from './datasets';
import type { EngineRequest, HalfExecution } from './engineNames';
import type { ParameterGroup } from './parameterGroups';
import type { Schedule } from './schedule';

/**
 * What the trainer trains. Raise it when a field that is there already means something else than before, or is gone:
 * runs of an older version are then shown, and not resumed. A new field with a default in `RECIPE_DEFAULTS` needs no
 * new version: older runs are read as if they had the default, and keep their key.
 */
export const RECIPE_VERSION = 2;

/**
 * What turns gradients into updates, in PyTorch's form: the rate multiplies what the optimizer carries. `sgd`,
 * `adam` and `lars` add weight decay to the gradient; `adamw` and `lamb` take it off the weight.
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

/** What becomes of gradients before the optimizer sees them. */
export interface GradientRecipe {
  /** Batches whose mean gradient makes one step. */
  readonly accumulation: number;
  /** The norm of all gradients together is brought down to it; null leaves them. */
  readonly maxNorm: number | null;
  /** Sharpness-aware minimisation: how far up the gradient is taken; null takes it where the weights are. */
  readonly sharpnessRadius: number | null;
}

/** A moving average of weights that is evaluated beside them. */
export interface AveragingRecipe {
  /** Share of the average kept at each step. */
  readonly decay: number;
  /** Whether the first steps keep less: at step t at most (1 + t) / (10 + t). */
  readonly warmup: boolean;
}

/** How a loss is scaled, so that its gradients stay in a half's range: as torch.amp.GradScaler does, or by a constant. */
export type LossScaling =
  | {
      readonly kind: 'dynamic';
      readonly initial: number;
      readonly growthFactor: number;
      readonly backoffFactor: number;
      /** Steps in a row without an overflow after which the scale grows. */
      readonly growthInterval: number;
    }
  | { readonly kind: 'static'; readonly scale: number };

/** What weights in use, activations and gradients are held in; master weights, statistics and loss are FP32. */
export type Precision =
  | { readonly compute: 'float32' }
  | { readonly compute: 'float16'; readonly execution: HalfExecution; readonly lossScale: LossScaling }
  | { readonly compute: 'bfloat16'; readonly execution: HalfExecution };

export interface DistillationRecipe {
  /** A run's id, or the path of a checkpoint. */
  readonly teacher: string;
  /** What teacher's and student's logits are divided by. */
  readonly temperature: number;
  /** Share of the distillation loss beside that of the labels. */
  readonly weight: number;
}

/** Two images of a batch and their labels become one; of two ways to mix, each batch draws one. */
export interface MixingRecipe {
  readonly mixup: { readonly alpha: number } | null;
  readonly cutmix: { readonly alpha: number; readonly probability: number } | null;
}

/** A rectangle of an image is erased: its share of the area and its aspect are drawn from these ranges. */
export interface ErasingRecipe {
  readonly probability: number;
  readonly minArea: number;
  readonly maxArea: number;
  /** The least height / width; the most is its inverse. */
  readonly minAspect: number;
}

/** How stored images of any size become what the network sees. */
export interface ImagesRecipe {
  /** Pixels of a side; the channels are those of the data set's facts. */
  readonly size: number;
  readonly interpolation: Interpolation;
  /** Share of the short edge that the central crop of an evaluation keeps. */
  readonly cropPct: number;
  /** Pixels of the short edge to which images are resized once and stored; null decodes them each time. */
  readonly presize: number | null;
  readonly onBadImage: 'fail' | 'skip';
}

/** What is trained on. */
export interface DataRecipe {
  /** What to open. */
  readonly source: DatasetRequest;
  /** What it holds. */
  readonly dataset: DatasetFacts;
  /** Images in a batch; a step takes `gradients.accumulation` of them. */
  readonly batchSize: number;
  readonly augment: Augmentation;
  /** Whether each epoch has an order of its own; else images come as the data set holds them. */
  readonly shuffle: boolean;
  /** How images come to be of one size; null where all are as the network sees them. */
  readonly images: ImagesRecipe | null;
  /** Whether an epoch takes each image once, or draws each class as often as any other. */
  readonly sampling: 'uniform' | 'balanced';
  readonly erasing: ErasingRecipe | null;
  readonly mixing: MixingRecipe | null;
}

/** What the network starts from. */
export interface InitializationRecipe {
  /** Whether the last batch norm of every residual branch starts with gamma 0. */
  readonly zeroGamma: boolean;
  /**
   * What to start from: a weights file, relative to the experiment file's folder, or the name of published weights, such
   * as `torchvision:resnet50.IMAGENET1K_V2`.
   */
  readonly weights: string | null;
  /** Whether the classifier of the weights is replaced where its classes are other ones (`auto`), or always (`new`). */
  readonly head: 'auto' | 'new';
  /** Stages and modules that are not trained, by name. */
  readonly freeze: readonly string[];
}

export interface LossRecipe {
  /** Share of each target spread evenly over all classes. */
  readonly labelSmoothing: number;
  /** What the loss of an image is multiplied by, by its label; null leaves all alike. */
  readonly classWeights: readonly number[] | null;
  readonly distillation: DistillationRecipe | null;
}

/** Plain data that says everything about a training; the trainer knows recipes only, never tricks. */
export interface Recipe {
  readonly version: typeof RECIPE_VERSION;
  readonly name: string;
  /** Names of the tricks that led here. */
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
 * The recipe's fields that stand for an effect, as they are where no trick asks for it. They do not enter a recipe's
 * key, and a run that was written before a field was there reads as having its default: so a new effect neither
 * separates earlier runs from later ones nor keeps them from being resumed.
 */
export const RECIPE_DEFAULTS = {
  data: { images: null, sampling: 'uniform', erasing: null, mixing: null },
  initialization: { zeroGamma: false, weights: null, head: 'auto', freeze: [] },
  loss: { labelSmoothing: 0, classWeights: null, distillation: null },
  gradients: { accumulation: 1, maxNorm: null, sharpnessRadius: null },
  averaging: null,
} satisfies EffectFields;

/** Every field of these parts is an effect's but what `DataRecipe` says of the data themselves. */
type EffectFields = Pick<Recipe, 'initialization' | 'loss' | 'gradients' | 'averaging'> & {
  readonly data: Omit<DataRecipe, 'source' | 'dataset' | 'batchSize' | 'augment' | 'shuffle'>;
};

/** A recipe as stored, perhaps before some effect was known: what it does not say is as by default. */
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

/** A part with the defaults that it lacks, behind what it has. */
function completed<Part extends object>(stored: Part | undefined, defaults: Partial<Part>): Part {
  return { ...stored, ...defaults, ...stored } as Part;
}

/**
 * What a recipe trains, whatever its name, seed and engine: equal for recipes that differ in those alone. How the engine
 * comes by half precision is the engine's, and no part of it.
 */
export function recipeKey(recipe: Recipe): string {
  const { name: _, tricks: __, seed: ___, engine: ____, precision, ...trained } = recipe;
  const { execution: _____, ...format } = { execution: null, ...precision };
  return canonical(withoutDefaults({ ...trained, precision: format }, RECIPE_DEFAULTS));
}

/** A value's fields less those that are as in `defaults`. */
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

/** JSON whose keys are in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    isMapping(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
