import { buildGraph, type ModelSpec } from '../models/catalog';
import type { Graph } from '../models/graph';
import type { DatasetFacts, DatasetRequest } from './datasets';
import { type EngineRequest, HALF_PRECISION, type HalfExecution } from './engineNames';
import {
  type Augmentation,
  type AveragingRecipe,
  type DistillationRecipe,
  type ErasingRecipe,
  type LossScaling,
  type MixingRecipe,
  type OptimizerRecipe,
  type ParameterGroup,
  type Precision,
  RECIPE_VERSION,
  type Recipe,
} from './recipe';
import type { Decay } from './schedule';

/** A decay as a person writes it, its times in epochs. */
export type DecayPlan =
  | { readonly name: 'constant' | 'cosine' | 'linear' }
  /** Every so many epochs; by default the paper's baseline, at every quarter of the training. */
  | { readonly name: 'step'; readonly every?: number; readonly factor: number }
  | { readonly name: 'multi_step'; readonly milestones: readonly number[]; readonly factor: number }
  /** These have no times. */
  | Extract<Decay, { readonly name: 'polynomial' | 'one_cycle' }>;

export interface WarmupPlan {
  readonly epochs: number;
  readonly countFrom: 0 | 1;
  readonly update: 'step' | 'epoch';
}

/** What a precision is asked for as; how an engine gives it is found when the draft is sealed. */
export type PrecisionPlan =
  | { readonly compute: 'float32' | 'bfloat16' }
  | { readonly compute: 'float16'; readonly lossScale: LossScaling };

/**
 * A recipe before its numbers are worked out. Every trick writes a part of its own, so tricks lead to the same
 * recipe in any order; `seal` derives what depends on several of them.
 */
export interface Draft {
  readonly name: string;
  readonly tricks: readonly string[];
  readonly source: DatasetRequest;
  readonly dataset: DatasetFacts;
  readonly batchSize: number;
  readonly augment: Augmentation;
  readonly shuffle: boolean;
  readonly erasing: ErasingRecipe | null;
  readonly mixup: MixingRecipe['mixup'];
  readonly cutmix: MixingRecipe['cutmix'];
  readonly model: ModelSpec;
  readonly weights: string | null;
  readonly labelSmoothing: number;
  readonly distillation: DistillationRecipe | null;
  readonly optimizer: OptimizerRecipe;
  readonly baseLearningRate: number;
  /** Linear scaling's reference batch; null uses the base rate as it is. */
  readonly scaling: { readonly baseBatchSize: number } | null;
  readonly weightDecay: number;
  readonly decayOn: 'all' | 'kernels';
  readonly accumulation: number;
  readonly maxNorm: number | null;
  readonly sharpnessRadius: number | null;
  readonly averaging: AveragingRecipe | null;
  readonly precision: PrecisionPlan;
  readonly zeroGamma: boolean;
  readonly epochs: number;
  readonly warmup: WarmupPlan;
  readonly decay: DecayPlan;
  readonly update: 'step' | 'epoch';
  readonly seed: number;
  readonly engine: EngineRequest;
}

/** Images that one step learns from: those of all its batches. */
export function effectiveBatchOf({
  batchSize,
  accumulation,
}: Pick<Draft, 'batchSize' | 'accumulation'>): number {
  return batchSize * accumulation;
}

/** Full steps in an epoch; the rest of the training images are left out of it, as ImageNet codes do. */
export function stepsPerEpochOf(draft: Pick<Draft, 'dataset' | 'batchSize' | 'accumulation'>): number {
  return Math.floor(draft.dataset.trainImages / effectiveBatchOf(draft));
}

/** The rate that warmup ends at: base_lr x batch / base_batch_size (He et al. 2018, section 3.1) where scaled. */
export function peakLearningRateOf(
  draft: Pick<Draft, 'baseLearningRate' | 'batchSize' | 'accumulation' | 'scaling'>,
): number {
  const { baseLearningRate, scaling } = draft;
  return scaling ? (baseLearningRate * effectiveBatchOf(draft)) / scaling.baseBatchSize : baseLearningRate;
}

/** Drafts that are made from one another share their model, and so its graph. */
const graphs = new WeakMap<ModelSpec, { readonly dataset: DatasetFacts; readonly graph: Graph }>();

/** The network that a draft or recipe's model makes of its data set's images and classes. */
export function graphOf({ model, dataset }: Pick<Draft, 'model' | 'dataset'>): Graph {
  const known = graphs.get(model);
  if (known?.dataset === dataset) return known.graph;
  const graph = buildGraph(model, [dataset.height, dataset.width, dataset.channels], dataset.classes);
  graphs.set(model, { dataset, graph });
  return graph;
}

/** Works out a draft's numbers. */
export function seal(draft: Draft): Recipe {
  const stepsPerEpoch = stepsPerEpochOf(draft);
  const { mixup, cutmix } = draft;
  return {
    version: RECIPE_VERSION,
    name: draft.name,
    tricks: [...draft.tricks].sort(),
    data: {
      source: draft.source,
      dataset: draft.dataset,
      batchSize: draft.batchSize,
      augment: draft.augment,
      shuffle: draft.shuffle,
      erasing: draft.erasing,
      mixing: mixup || cutmix ? { mixup, cutmix } : null,
    },
    model: draft.model,
    initialization: { zeroGamma: draft.zeroGamma, weights: draft.weights },
    loss: { labelSmoothing: draft.labelSmoothing, distillation: draft.distillation },
    parameterGroups: parameterGroupsOf(draft),
    gradients: {
      accumulation: draft.accumulation,
      maxNorm: draft.maxNorm,
      sharpnessRadius: draft.sharpnessRadius,
    },
    optimizer: draft.optimizer,
    averaging: draft.averaging,
    precision: precisionOf(draft),
    epochs: draft.epochs,
    schedule: {
      peakLearningRate: peakLearningRateOf(draft),
      warmup: {
        steps: Math.round(draft.warmup.epochs * stepsPerEpoch),
        countFrom: draft.warmup.countFrom,
        update: draft.warmup.update,
      },
      decay: decayInSteps(draft.decay, draft.epochs, stepsPerEpoch),
      update: draft.update,
      stepsPerEpoch,
      totalSteps: draft.epochs * stepsPerEpoch,
    },
    seed: draft.seed,
    engine: draft.engine,
  };
}

/** The groups that a draft's parameters fall into, by whether weight decay acts on them. */
export function parameterGroupsOf({
  decayOn,
  weightDecay,
}: Pick<Draft, 'decayOn' | 'weightDecay'>): ParameterGroup[] {
  switch (decayOn) {
    case 'all':
      return [{ name: 'all', kinds: ['kernel', 'bias', 'gamma', 'beta'], weightDecay }];
    case 'kernels':
      return [
        { name: 'decay', kinds: ['kernel'], weightDecay },
        { name: 'no_decay', kinds: ['bias', 'gamma', 'beta'], weightDecay: 0 },
      ];
    default:
      return unknown(decayOn);
  }
}

function precisionOf({ precision, engine }: Draft): Precision {
  if (precision.compute === 'float32') return { compute: 'float32' };
  const execution = halfExecutionOf(engine);
  return precision.compute === 'float16'
    ? { compute: 'float16', execution, lossScale: precision.lossScale }
    : { compute: 'bfloat16', execution };
}

/** How an engine comes by half precision, as far as its name tells. */
export function halfExecutionOf(engine: EngineRequest): HalfExecution {
  return engine === 'auto' ? 'emulated_unless_native' : HALF_PRECISION[engine];
}

/** The epochs at which a decay by steps multiplies the rate; none for the others. */
export function milestonesOf(decay: DecayPlan, epochs: number): readonly number[] {
  if (decay.name === 'multi_step') return decay.milestones;
  if (decay.name !== 'step') return [];
  // The paper's baseline divides the rate at 30, 60 and 90 of 120 epochs.
  const every = decay.every ?? epochs / 4;
  return Array.from(
    { length: Math.max(Math.ceil(epochs / every) - 1, 0) },
    (_, index) => (index + 1) * every,
  );
}

function decayInSteps(decay: DecayPlan, epochs: number, stepsPerEpoch: number): Decay {
  switch (decay.name) {
    case 'constant':
    case 'cosine':
      return { name: decay.name };
    case 'linear':
      return { name: 'polynomial', power: 1 };
    case 'polynomial':
    case 'one_cycle':
      return decay;
    case 'step':
    case 'multi_step': {
      const milestones = milestonesOf(decay, epochs).map((epoch) => Math.round(epoch * stepsPerEpoch));
      return { name: 'step', milestones, factor: decay.factor };
    }
    default:
      return unknown(decay);
  }
}

function unknown(value: never): never {
  throw new Error(`Unknown value ${JSON.stringify(value)}`);
}
