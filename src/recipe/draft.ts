import { buildGraph, type ModelSpec } from '../models/catalog';
import type { Graph } from '../models/graph';
import { assertNever } from '../shared/assertNever';
import type { DatasetFacts } from './datasets';
import { type EngineRequest, HALF_PRECISION, type HalfExecution } from './engineNames';
import { type ParameterGroupsPlan, parameterGroupsOf } from './parameterGroups';
import { type LossScaling, type Precision, RECIPE_VERSION, type Recipe } from './recipe';
import type { Decay, Schedule } from './schedule';

/** A decay as the user writes it, with times in epochs. */
export type DecayPlan =
  | { readonly name: 'constant' | 'cosine' | 'linear' }
  /** Decays every `every` epochs. The default is the paper's baseline: every quarter of the training. */
  | { readonly name: 'step'; readonly every?: number; readonly factor: number }
  | { readonly name: 'multi_step'; readonly milestones: readonly number[]; readonly factor: number }
  /** These have no times. */
  | Extract<Decay, { readonly name: 'polynomial' | 'one_cycle' }>;

export interface WarmupPlan {
  readonly epochs: number;
  readonly countFrom: 0 | 1;
  readonly update: 'step' | 'epoch';
}

/** The requested precision. Finalizing the draft determines how the engine provides it. */
export type PrecisionPlan =
  | { readonly compute: 'float32' | 'bfloat16' }
  | { readonly compute: 'float16'; readonly lossScale: LossScaling };

/** A schedule as the user writes it, with times in epochs. */
export interface SchedulePlan {
  readonly baseLearningRate: number;
  /** Reference batch size for linear scaling. Null uses the base learning rate unscaled. */
  readonly scaling: { readonly baseBatchSize: number } | null;
  readonly warmup: WarmupPlan;
  readonly decay: DecayPlan;
  readonly update: 'step' | 'epoch';
}

/** Recipe parts that depend on several tricks, planned before their numbers are computed. */
interface Plans {
  readonly parameterGroups: ParameterGroupsPlan;
  readonly precision: PrecisionPlan;
  readonly schedule: SchedulePlan;
}

/**
 * A recipe before its numbers are computed: a recipe's own fields, with plans in place of the parts that depend on
 * several tricks. Every trick writes its own part, so the order of tricks does not affect the recipe.
 */
export type Draft = Omit<Recipe, 'version' | keyof Plans> & Plans;

/** Parts of a draft that change field by field. All other parts are replaced whole. */
type Merged = 'data' | 'initialization' | 'loss' | 'gradients' | 'parameterGroups' | 'schedule';

/** A trick's changes to a draft. */
export type DraftChanges = { readonly [Part in Merged]?: Partial<Draft[Part]> } & Partial<
  Pick<Draft, 'model' | 'optimizer' | 'averaging' | 'precision'>
>;

/**
 * Returns the draft with the changes applied. Call it with an object literal: the compiler then rejects keys that a
 * draft does not have.
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

/** The parts of a draft that determine how many images a step learns from. */
type StepOf = { readonly data: Pick<Draft['data'], 'batchSize'>; readonly gradients: Draft['gradients'] };

/** Returns the images per optimizer step: those of all accumulated batches. */
export function effectiveBatchOf({ data, gradients }: StepOf): number {
  return data.batchSize * gradients.accumulation;
}

/** Returns the full steps per epoch. The remaining training images are skipped, as in ImageNet training code. */
function stepsPerEpochOf(draft: Draft): number {
  return Math.floor(draft.data.dataset.trainImages / effectiveBatchOf(draft));
}

/** Converts epochs to steps. `epochs` may be fractional. */
export function stepsOf(draft: Draft, epochs: number): number {
  return Math.round(epochs * stepsPerEpochOf(draft));
}

/**
 * Returns the learning rate at the end of warmup. With scaling it is base_lr x batch / base_batch_size (He et al. 2018,
 * section 3.1).
 */
export function peakLearningRateOf(draft: Draft): number {
  const { baseLearningRate, scaling } = draft.schedule;
  return scaling ? (baseLearningRate * effectiveBatchOf(draft)) / scaling.baseBatchSize : baseLearningRate;
}

/** Cache by model. Drafts derived from one another share their model, and so its graph. */
const graphs = new WeakMap<ModelSpec, { readonly dataset: DatasetFacts; readonly graph: Graph }>();

/** Returns the network of a draft or recipe, for its data set's images and classes. */
export function graphOf({ model, data: { dataset } }: ModelAndData): Graph {
  const known = graphs.get(model);
  if (known?.dataset === dataset) return known.graph;
  const graph = buildGraph(model, [dataset.height, dataset.width, dataset.channels], dataset.classes);
  graphs.set(model, { dataset, graph });
  return graph;
}

/** Same as `graphOf`, but null if the images are too small for the model. */
export function graphIfAny(of: ModelAndData): Graph | null {
  try {
    return graphOf(of);
  } catch {
    return null;
  }
}

interface ModelAndData {
  readonly model: ModelSpec;
  readonly data: { readonly dataset: DatasetFacts };
}

/** Computes a draft's numbers. */
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

/** Returns how an engine executes half precision, if its name determines that. */
export function halfExecutionOf(engine: EngineRequest): HalfExecution {
  return engine === 'auto' ? 'emulated_unless_native' : HALF_PRECISION[engine];
}

/** Upper limit on decays. No training needs more, and each takes time at every step. */
export const MOST_MILESTONES = 1000;

/**
 * Returns the epochs at which a step decay multiplies the learning rate, at most MOST_MILESTONES. Empty for other
 * decays.
 */
export function milestonesOf(decay: DecayPlan, epochs: number): readonly number[] {
  if (decay.name === 'multi_step') return decay.milestones.slice(0, MOST_MILESTONES);
  if (decay.name !== 'step') return [];
  // The paper's baseline divides the learning rate at 30, 60 and 90 of 120 epochs.
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
