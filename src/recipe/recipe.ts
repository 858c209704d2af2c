import type { ModelSpec } from '../models/catalog';
import type { ParameterKind } from '../models/graph';
import type { DatasetFacts, DatasetRequest } from './datasets';
import type { EngineRequest, HalfExecution } from './engineNames';
import type { Schedule } from './schedule';

export const RECIPE_VERSION = 2;

/** Parameters that share an optimizer's settings; a parameter belongs to the group that lists its kind. */
export interface ParameterGroup {
  readonly name: string;
  readonly kinds: readonly ParameterKind[];
  readonly weightDecay: number;
}

export type Augmentation = 'none' | 'flip' | 'crop_flip';

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

/** Plain data that says everything about a training; the trainer knows recipes only, never tricks. */
export interface Recipe {
  readonly version: typeof RECIPE_VERSION;
  readonly name: string;
  /** Names of the tricks that led here. */
  readonly tricks: readonly string[];
  readonly data: {
    /** What to open. */
    readonly source: DatasetRequest;
    /** What it holds. */
    readonly dataset: DatasetFacts;
    /** Images in a batch; a step takes `gradients.accumulation` of them. */
    readonly batchSize: number;
    readonly augment: Augmentation;
    /** Whether each epoch has an order of its own; else images come as the data set holds them. */
    readonly shuffle: boolean;
    readonly erasing: ErasingRecipe | null;
    readonly mixing: MixingRecipe | null;
  };
  readonly model: ModelSpec;
  readonly initialization: {
    /** Whether the last batch norm of every residual branch starts with gamma 0. */
    readonly zeroGamma: boolean;
    /** A safetensors file to start from, relative to the experiment file's folder. */
    readonly weights: string | null;
  };
  readonly loss: {
    /** Share of each target spread evenly over all classes. */
    readonly labelSmoothing: number;
    readonly distillation: DistillationRecipe | null;
  };
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
