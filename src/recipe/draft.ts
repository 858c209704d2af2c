import { buildGraph, type ModelSpec } from '../models/catalog';
import type { Graph } from '../models/graph';
import { assertNever } from '../shared/assertNever';
import type { DatasetFacts } from './datasets';
import { type EngineRequest, HALF_PRECISION, type HalfExecution } from './engineNames';
import { type ParameterGroupsPlan, parameterGroupsOf } from './parameterGroups';
import { type LossScaling, type Precision, RECIPE_VERSION, type Recipe } from './recipe';
import type { Decay, Schedule } from './schedule';

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

/** What a precision is asked for as; how an engine gives it is found when the draft is finalized. */
export type PrecisionPlan =
  | { readonly compute: 'float32' | 'bfloat16' }
  | { readonly compute: 'float16'; readonly lossScale: LossScaling };

/** A schedule as a person writes it, its times in epochs. */
export interface SchedulePlan {
  readonly baseLearningRate: number;
  /** Linear scaling's reference batch; null uses the base learning rate as it is. */
  readonly scaling: { readonly baseBatchSize: number } | null;
  readonly warmup: WarmupPlan;
  readonly decay: DecayPlan;
  readonly update: 'step' | 'epoch';
}

/** A recipe's parts that follow from several tricks, as they are planned before their numbers are worked out. */
interface Plans {
  readonly parameterGroups: ParameterGroupsPlan;
  readonly precision: PrecisionPlan;
  readonly schedule: SchedulePlan;
}

/**
 * A recipe before its numbers are worked out: a recipe's own fields, and plans in the places of those that depend on
 * several tricks. Every trick writes a part of its own, so tricks lead to the same recipe in any order.
 */
export type Draft = Omit<Recipe, 'version' | keyof Plans> & Plans;

/** A draft's parts that are changed field by field; all others are replaced whole. */
type Merged = 'data' | 'initialization' | 'loss' | 'gradients' | 'parameterGroups' | 'schedule';

/** What a trick changes of a draft. */
export type DraftChanges = { readonly [Part in Merged]?: Partial<Draft[Part]> } & Partial<
  Pick<Draft, 'model' | 'optimizer' | 'averaging' | 'precision'>
>;

/**
 * The draft with changes. Call it with the changes written out: a key that a draft does not have is then an error of
 * the compiler's.
 */
export function changed(draft: Draft, changes: DraftChanges): Draft {
  return {
    ...draft,
    ...changes,
    data: { ...draft.data, ...changes.data },
    initialization: { ...draft.initialization, ...changes.initialization },
    loss: { ...draft.loss, ...changes.loss },
    gradients: { ...draft.gradients, ...changes.gradients },
    parameterGroups: { ...draft.parameterGroups, ...changes.parameterGroups },
    schedule: { ...draft.schedule, ...changes.schedule },
  };
}

/** What of a draft says how many images a step learns from. */
type StepOf = { readonly data: Pick<Draft['data'], 'batchSize'>; readonly gradients: Draft['gradients'] };

/** Images that one step learns from: those of all its batches. */
export function effectiveBatchOf({ data, gradients }: StepOf): number {
  return data.batchSize * gradients.accumulation;
}

/** Full steps in an epoch; the rest of the training images are left out of it, as ImageNet codes do. */
function stepsPerEpochOf(draft: Draft): number {
  return Math.floor(draft.data.dataset.trainImages / effectiveBatchOf(draft));
}

/** The steps of so many epochs, which may be a fraction. */
export function stepsOf(draft: Draft, epochs: number): number {
  return Math.round(epochs * stepsPerEpochOf(draft));
}

/** The rate that warmup ends at: base_lr x batch / base_batch_size (He et al. 2018, section 3.1) where scaled. */
export function peakLearningRateOf(draft: Draft): number {
  const { baseLearningRate, scaling } = draft.schedule;
  return scaling ? (baseLearningRate * effectiveBatchOf(draft)) / scaling.baseBatchSize : baseLearningRate;
}

/** Drafts that are made from one another share their model, and so its graph. */
const graphs = new WeakMap<ModelSpec, { readonly dataset: DatasetFacts; readonly graph: Graph }>();

/** The network that a draft's or recipe's model makes of its data set's images and classes. */
export function graphOf({ model, data: { dataset } }: ModelAndData): Graph {
  const known = graphs.get(model);
  if (known?.dataset === dataset) return known.graph;
  const graph = buildGraph(model, [dataset.height, dataset.width, dataset.channels], dataset.classes);
  graphs.set(model, { dataset, graph });
  return graph;
}
interface ModelAndData {
  readonly model: ModelSpec;
  readonly data: { readonly dataset: DatasetFacts };
}

/** Works out a draft's numbers. */
export function finalize(draft: Draft): Recipe {
  return {
    version: RECIPE_VERSION,
    ...draft,
    tricks: [...draft.tricks].sort(),
    parameterGroups: parameterGroupsOf(draft.parameterGroups, draft.initialization.freeze, () =>
      graphOf(draft),
    ),
    precision: precisionOf(draft),
    schedule: scheduleOf(draft),
  };
}

function scheduleOf(draft: Draft): Schedule {
  const { warmup, decay, update } = draft.schedule;
  return {
    peakLearningRate: peakLearningRateOf(draft),
    warmup: {
      steps: stepsOf(draft, warmup.epochs),
      countFrom: warmup.countFrom,
      update: warmup.update,
    },
    decay: decayInSteps(decay, draft),
    update,
    stepsPerEpoch: stepsPerEpochOf(draft),
    totalSteps: stepsOf(draft, draft.epochs),
  };
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

/** More falls than any training has use for; each takes time at every step. */
export const MOST_MILESTONES = 1000;

/** The epochs at which a decay by steps multiplies the rate, MOST_MILESTONES at most; none for the others. */
export function milestonesOf(decay: DecayPlan, epochs: number): readonly number[] {
  if (decay.name === 'multi_step') return decay.milestones.slice(0, MOST_MILESTONES);
  if (decay.name !== 'step') return [];
  // The paper's baseline divides the rate at 30, 60 and 90 of 120 epochs.
  const every = decay.every ?? epochs / 4;
  return Array.from(
    { length: Math.min(Math.max(Math.ceil(epochs / every) - 1, 0), MOST_MILESTONES) },
    (_, index) => (index + 1) * every,
  );
}

function decayInSteps(decay: DecayPlan, draft: Draft): Decay {
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
      const milestones = milestonesOf(decay, draft.epochs).map((epoch) => stepsOf(draft, epoch));
      return { name: 'step', milestones, factor: decay.factor };
    }
    default:
      return assertNever(decay);
  }
}
