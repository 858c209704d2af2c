import * as l10n from '@vscode/l10n';
import { balancedWeights, trainCountsOf } from '../recipe/classBalance';
import type { DatasetFacts } from '../recipe/datasets';
import { type DecayPlan, type Draft, finalize, graphIfAny, MOST_MILESTONES } from '../recipe/draft';
import { fullWeightsName } from '../recipe/pretrained';
import {
  type InitializationRecipe,
  type LossRecipe,
  type OptimizerRecipe,
  RECIPE_DEFAULTS,
  type Recipe,
} from '../recipe/recipe';
import { assertNever } from '../shared/assertNever';
import { ALL_TRICKS, excludeEachOther, type TrickName } from '../tricks/registry';
import type { Trick, TrickProblem } from '../tricks/trick';
import { dataPlan } from './dataPlan';
import { initializationProblems } from './initializationProblems';
import { modelSpec } from './modelSpec';
import type { ResolutionProblem } from './problem';
import { decaySchema, type Experiment } from './schema';

export type { ResolutionProblem };

export type Resolution =
  | { readonly ok: true; readonly recipe: Recipe }
  | { readonly ok: false; readonly problems: readonly ResolutionProblem[] };

/** Returns the draft of an experiment before any trick. */
export function plainDraft(experiment: Experiment): Draft {
  const { name, model, optimizer, schedule, seed, engine, init } = experiment;
  const data = dataPlan(experiment);
  const { decay, update, epochs } = schedule;
  // In the order in which people read a recipe, from the top.
  return {
    name,
    tricks: [],
    data,
    model: modelSpec(model),
    initialization: initialization(init),
    loss: { ...RECIPE_DEFAULTS.loss, classWeights: classWeights(experiment.loss, data.dataset) },
    parameterGroups: {
      weightDecay: optimizer.weight_decay,
      decayOn: 'all',
      headLearningRateFactor: headLearningRateFactor(optimizer),
      layerDecay: optimizer.layer_decay,
    },
    gradients: RECIPE_DEFAULTS.gradients,
    optimizer: optimizerRecipe(optimizer),
    averaging: RECIPE_DEFAULTS.averaging,
    precision: { compute: 'float32' },
    epochs,
    schedule: {
      baseLearningRate: optimizer.base_lr,
      scaling: null,
      warmup: { epochs: 0, countFrom: 0, update: 'step' },
      decay: decayPlan(decay),
      update,
    },
    seed,
    engine,
  };
}

function classWeights(
  { class_weights }: Experiment['loss'],
  dataset: DatasetFacts,
): LossRecipe['classWeights'] {
  const counts = class_weights === 'balanced' ? trainCountsOf(dataset) : null;
  return counts && balancedWeights(counts);
}

function initialization(init: Experiment['init']): InitializationRecipe {
  const defaults = RECIPE_DEFAULTS.initialization;
  if (init === undefined) return defaults;
  if (typeof init === 'string') return { ...defaults, weights: fullWeightsName(init) };
  const { weights, head, freeze } = init;
  return { ...defaults, weights: fullWeightsName(weights), head, freeze };
}

/** `10x` is a factor. A number replaces the base learning rate. */
function headLearningRateFactor({ base_lr, head_learning_rate }: Experiment['optimizer']): number {
  return typeof head_learning_rate === 'number'
    ? head_learning_rate / base_lr
    : parseFloat(head_learning_rate);
}

function optimizerRecipe(optimizer: Experiment['optimizer']): OptimizerRecipe {
  switch (optimizer.name) {
    case undefined:
    case 'sgd':
      return { name: 'sgd', momentum: optimizer.momentum, nesterov: optimizer.nesterov };
    case 'lars':
      return {
        name: 'lars',
        momentum: optimizer.momentum,
        trustCoefficient: optimizer.trust_coefficient,
      };
    case 'adam':
    case 'adamw':
    case 'lamb': {
      const { name, beta1, beta2, epsilon } = optimizer;
      return { name, beta1, beta2, epsilon };
    }
    default:
      return assertNever(optimizer);
  }
}

/** Returns the tricks that an experiment switches on, with their options. */
export function chosenTricks(
  experiment: Experiment,
): { readonly trick: Trick<TrickName>; readonly options: Record<string, unknown> }[] {
  return ALL_TRICKS.flatMap((trick) => {
    const choice = experiment.tricks[trick.name];
    return choice ? [{ trick, options: trick.options.parse(choice === true ? {} : choice) }] : [];
  });
}

/** Applies tricks to a draft in order, and records the names of those that changed it. */
export function withTricks(plain: Draft, chosen: ReturnType<typeof chosenTricks>): Draft {
  return chosen.reduce((draft, { trick, options }) => {
    const applied = trick.apply(draft, options);
    return applied === draft ? draft : { ...applied, tricks: [...draft.tricks, trick.name] };
  }, plain);
}

/** Returns the problem of a trick next to one that it excludes, reported once per pair, at the later one. */
function exclusions(trick: Trick, chosen: readonly Trick[]): TrickProblem[] {
  return chosen
    .slice(0, chosen.indexOf(trick))
    .filter((other) => excludeEachOther(trick, other))
    .map((other) => ({
      path: [],
      what: l10n.t('{0} cannot be combined with {1}.', trick.name, other.name),
      remedy: l10n.t('Remove one of them.'),
    }));
}

/** Returns the recipe of an experiment, or the reasons why it cannot be trained. */
export function resolve(experiment: Experiment): Resolution {
  const plain = plainDraft(experiment);
  const task = [
    ...taskProblems(experiment.model, plain.data.dataset),
    ...normalizationProblems(experiment.data, plain.data.dataset),
  ];
  const resolution = resolveDraft(plain, chosenTricks(experiment));
  if (task.length === 0) return resolution;
  return { ok: false, problems: [...task, ...(resolution.ok ? [] : resolution.problems)] };
}

/** Returns the recipe for a draft without tricks and the tricks chosen for it. */
export function resolveDraft(plain: Draft, chosen: ReturnType<typeof chosenTricks>): Resolution {
  const draft = withTricks(plain, chosen);
  const tricks = chosen.map(({ trick }) => trick);
  const problems = [
    ...draftProblems(draft),
    ...chosen.flatMap(({ trick, options }) =>
      [...trick.problems(draft, options, plain), ...exclusions(trick, tricks)].map((problem) => ({
        ...problem,
        path: ['tricks', trick.name, ...problem.path],
      })),
    ),
  ];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, recipe: finalize(draft) };
}

/**
 * Checks the number of means and standard deviations: one per channel, a single one for all, or those of color images
 * for gray ones.
 */
function normalizationProblems(data: Experiment['data'], { channels }: DatasetFacts): ResolutionProblem[] {
  if (data.dataset === 'synthetic') return [];
  const problems: ResolutionProblem[] = [];
  for (const key of ['mean', 'std'] as const) {
    const values = data[key];
    if (!Array.isArray(values) || [1, 3, channels].includes(values.length)) continue;
    problems.push({
      path: ['data', key],
      what: l10n.t(
        '{0} has {1} values, but images have {2} channels.',
        `data.${key}`,
        values.length,
        channels,
      ),
      remedy: l10n.t('Write one value, or one per channel.'),
    });
  }
  return problems;
}

/** Returns the problems of a model whose image size or classes differ from those of its data. */
function taskProblems(
  { name, input_size, classes }: Experiment['model'],
  dataset: DatasetFacts,
): ResolutionProblem[] {
  const problems: ResolutionProblem[] = [];
  if (input_size !== undefined && (dataset.height !== input_size || dataset.width !== input_size)) {
    problems.push({
      path: ['model', 'input_size'],
      what: l10n.t(
        '{0} expects images of {1} pixels, but those of {2} are {3} x {4}.',
        name,
        input_size,
        dataset.name,
        dataset.height,
        dataset.width,
      ),
      remedy: l10n.t('Remove it: the data set defines the size.'),
      fix: { type: 'remove' },
    });
  }
  if (classes !== undefined && dataset.classes !== classes) {
    problems.push({
      path: ['model', 'classes'],
      what: l10n.t(
        '{0} is set to {1} classes, but {2} has {3}.',
        name,
        classes,
        dataset.name,
        dataset.classes,
      ),
      remedy: l10n.t('Remove it: the data set defines the number.'),
      fix: { type: 'remove' },
    });
  }
  return problems;
}

function draftProblems(draft: Draft): ResolutionProblem[] {
  const problems: ResolutionProblem[] = [];
  const { dataset, batchSize, shuffle, sampling } = draft.data;
  const { decay } = draft.schedule;
  const { trainImages } = dataset;
  if (dataset.validationImages === 0) {
    problems.push({
      path: ['data'],
      what: l10n.t('There are no validation images.'),
      remedy: l10n.t('Raise data.split.validation, or add images to the validation split.'),
    });
  }
  if (sampling === 'balanced' && !shuffle) {
    problems.push({
      path: ['data', 'shuffle'],
      what: l10n.t('Balanced sampling draws images at random, but shuffle: false keeps their order.'),
      remedy: l10n.t('Remove shuffle: false, or use sampling: uniform.'),
    });
  }
  if (batchSize > trainImages) {
    problems.push({
      path: ['data', 'batch_size'],
      what: l10n.t('A batch of {0} is larger than the {1} training images.', batchSize, trainImages),
      remedy: l10n.t('Use at most {0}.', trainImages),
      fix: { type: 'set', path: ['data', 'batch_size'], value: trainImages, isMeant: false },
    });
  }
  if (decay.name === 'step' && draft.epochs / (decay.every ?? draft.epochs) > MOST_MILESTONES) {
    problems.push({
      path: ['schedule', 'decay', 'every'],
      what: l10n.t(
        'The learning rate would drop more than {0} times in {1} epochs.',
        MOST_MILESTONES,
        draft.epochs,
      ),
      remedy: l10n.t('Use at least {0}.', draft.epochs / MOST_MILESTONES),
    });
  }
  const late = decay.name === 'multi_step' && decay.milestones.find((epoch) => epoch >= draft.epochs);
  if (late) {
    problems.push({
      path: ['schedule', 'decay', 'milestones'],
      what: l10n.t(
        'The milestone at epoch {0} is not within the {1} epochs of training.',
        late,
        draft.epochs,
      ),
      remedy: l10n.t('Use milestones below {0}, or raise schedule.epochs.', draft.epochs),
    });
  }
  const graph = graphIfAny(draft);
  problems.push(...initializationProblems(draft, graph));
  if (!graph) {
    const { height, width } = dataset;
    problems.push({
      path: ['model', 'name'],
      what: l10n.t('{0} cannot take images of {1} x {2}.', draft.model.name, height, width),
      remedy: l10n.t('Use larger images or a CIFAR-form model such as resnet20.'),
    });
  }
  return problems;
}

function decayPlan(written: Experiment['schedule']['decay']): DecayPlan {
  const decay = typeof written === 'string' ? decaySchema.parse({ name: written }) : written;
  switch (decay.name) {
    case 'one_cycle':
      return {
        name: 'one_cycle',
        riseShare: decay.rise_share,
        startFactor: decay.start_factor,
        endFactor: decay.end_factor,
      };
    case 'step': {
      const { name, every, factor } = decay;
      return { name, factor, ...(every !== undefined && { every }) };
    }
    default:
      return decay;
  }
}
