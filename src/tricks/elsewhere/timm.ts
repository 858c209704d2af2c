import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import { weightDecayOf } from '../../recipe/parameterGroups';
import type { Recipe } from '../../recipe/recipe';
import { assertNever } from '../../shared/assertNever';
import { formatNumber } from '../../shared/format';
import { milestonesInEpochs, otherBottleneck, otherWidth, warmupEpochs } from './commandParts';
import { numberAt, type Settings, textAt } from './mapping';
import { differs, lacks, option, type Part, together, when } from './translation';

/** What tricks share in timm: parts of its train.py's command, and settings of its files (version 1.0). */

/** Optimizers of which timm scales the rate by the square root, as their names have one of these in them. */
export const SCALED_BY_ROOT = /ada|lamb/;

/** timm's name of a file's optimizer. */
export function optimizerIn(settings: Settings): string {
  return (textAt(settings, 'opt') ?? 'sgd').toLowerCase();
}

/** A file's weight decay. */
export function weightDecayIn(settings: Settings): number {
  return numberAt(settings, 'weight_decay') ?? 2e-5;
}

/** A file's learning rate. */
export function rateIn(settings: Settings): number {
  return numberAt(settings, 'lr') ?? numberAt(settings, 'lr_base') ?? 0.1;
}

/** Models of ours that timm has under another name or the same. */
const MODELS: Readonly<Record<string, string>> = {
  mobilenet_v1: 'mobilenetv1_100',
  inception_v3: 'inception_v3',
  vgg16_bn: 'vgg16_bn',
  densenet121: 'densenet121',
};

/** timm's name of a model, of whatever width; ResNets of 18 and 34 layers stand there plain and as D alone. */
export function timmName(model: ModelSpec): string | null {
  if (!isResNet(model)) return MODELS[model.name] ?? null;
  const { name, variant } = model;
  if (variant === 'A' || variant === 'B') return name;
  if (variant === 'D') return `${name}d`;
  return name === 'resnet18' || name === 'resnet34' ? null : `${name}c`;
}

/** The model, its classes and what of it is another one there. */
export const timmModel: Part = (recipe) => {
  const name = timmName(recipe.model);
  const variant = isResNet(recipe.model) ? `-${recipe.model.variant}` : '';
  return together(
    option('--model', name ?? 'MODEL'),
    when(
      name === null,
      lacks(l10n.t('the model {0}: register one under a name', recipe.model.name + variant)),
    ),
    when(
      recipe.model.name === 'mobilenet_v1' && recipe.model.activation !== 'relu6',
      option('--model-kwargs', 'act_layer=relu'),
    ),
    otherWidth(recipe.model),
    otherBottleneck(recipe.model),
    option('--num-classes', recipe.data.dataset.classes),
  );
};

export const timmOptimizer: Part = ({ optimizer: recipe, parameterGroups }) => {
  const { isForAll } = weightDecayOf(parameterGroups);
  switch (recipe.name) {
    case 'sgd':
      return together(
        // PyTorch refuses Nesterov's gradient without momentum, where the two are the same.
        option('--opt', recipe.nesterov && recipe.momentum > 0 ? 'sgd' : 'momentum'),
        option('--momentum', recipe.momentum),
      );
    case 'lars':
      return together(
        option('--opt', 'lars'),
        option('--momentum', recipe.momentum),
        option('--opt-kwargs', `trust_coeff=${recipe.trustCoefficient}`),
        when(isForAll, differs(l10n.t('lars: biases and norms have trust ratios, too'))),
      );
    case 'lamb':
      return together(
        option('--opt', 'lamb'),
        option('--opt-betas', recipe.beta1, recipe.beta2),
        option('--opt-eps', recipe.epsilon),
        // Its own clips gradients to a norm of 1.
        option('--opt-kwargs', 'max_grad_norm=None'),
        when(isForAll, differs(l10n.t('lamb: biases and norms have trust ratios, too'))),
      );
    case 'adam':
    case 'adamw':
      return together(
        option('--opt', recipe.name),
        option('--opt-betas', recipe.beta1, recipe.beta2),
        option('--opt-eps', recipe.epsilon),
      );
    default:
      return assertNever(recipe);
  }
};

export const timmWeightDecay: Part = ({ parameterGroups }) => {
  const { weightDecay, isForAll } = weightDecayOf(parameterGroups);
  return together(
    option('--weight-decay', weightDecay),
    // It leaves biases and norms free of decay unless told not to.
    when(isForAll, option('--opt-kwargs', 'filter_bias_and_bn=False')),
  );
};

export const timmRate: Part = ({ schedule: { peakLearningRate } }) => option('--lr', peakLearningRate);

/** Whether timm counts the epochs of warmup apart from those of the decay. */
export function hasWarmupPrefix({ warmup, decay }: Recipe['schedule']): boolean {
  return warmup.steps > 0 && (decay.name === 'cosine' || decay.name === 'polynomial');
}

export const timmSchedule: Part = (recipe) => {
  const { warmup, decay, update, peakLearningRate, totalSteps } = recipe.schedule;
  const epochs = warmupEpochs(recipe.schedule);
  return together(
    decayOf(recipe),
    when(update === 'step', option('--sched-on-updates')),
    option('--warmup-epochs', epochs),
    when(hasWarmupPrefix(recipe.schedule), option('--warmup-prefix')),
    when(
      warmup.steps > 0,
      option('--warmup-lr', warmup.countFrom === 0 ? 0 : peakLearningRate / warmup.steps),
    ),
    when(
      warmup.steps !== epochs * recipe.schedule.stepsPerEpoch,
      differs(l10n.t('warmup: {0} whole epochs for {1} steps', epochs, warmup.steps)),
    ),
    when(
      warmup.steps > 0 && warmup.countFrom === 1,
      differs(l10n.t('warmup: its first step counts as 1 and its last as one more than the steps')),
    ),
    when(
      update === 'step' && warmup.steps > 0 && warmup.update === 'epoch',
      differs(l10n.t('warmup: the rate rises at each step, not each epoch')),
    ),
    when(
      decay.name === 'one_cycle',
      lacks(l10n.t('the decay one_cycle over {0} steps; its place has cosine', totalSteps)),
    ),
    when(
      decay.name === 'range_test',
      lacks(l10n.t('the rise of a range test over {0} steps; its place has cosine', totalSteps)),
    ),
  );
};

function decayOf({ schedule, epochs }: Recipe) {
  const { decay, update } = schedule;
  switch (decay.name) {
    case 'cosine':
    case 'one_cycle':
    case 'range_test':
      return option('--sched', 'cosine');
    case 'polynomial':
      // It calls the power so.
      return together(option('--sched', 'poly'), option('--decay-rate', decay.power));
    case 'constant':
      // Steps of which none comes.
      return together(option('--sched', 'step'), option('--decay-epochs', epochs + 1));
    case 'step': {
      const milestones = milestonesInEpochs(schedule);
      const whole = milestones.map(Math.round);
      const rounding = when(
        milestones.some((milestone, index) => milestone !== whole[index]),
        differs(l10n.t('milestones: at whole epochs {0}', whole.join(', '))),
      );
      return together(
        option('--sched', 'multistep'),
        // Its milestones come one step of the schedule early: right where that is an epoch and one is added.
        option('--decay-milestones', ...whole.map((epoch) => (update === 'epoch' ? epoch + 1 : epoch))),
        option('--decay-rate', decay.factor),
        rounding,
        when(update === 'step', differs(l10n.t('milestones: the rate falls one step early'))),
      );
    }
    default:
      return assertNever(decay);
  }
}

/** Both ways to mix, which share a probability there. */
export const timmMixing: Part = ({ data: { mixing: recipe } }) => {
  const { mixup = null, cutmix = null } = recipe ?? {};
  return together(
    when(mixup !== null, option('--mixup', mixup?.alpha ?? 0)),
    when(cutmix !== null, option('--cutmix', cutmix?.alpha ?? 0)),
    when(cutmix !== null && mixup === null, option('--mixup-prob', cutmix?.probability ?? 1)),
    when(
      cutmix !== null && mixup !== null && cutmix.probability < 1,
      lacks(l10n.t('a probability of cutmix alone, {0}', formatNumber(cutmix?.probability ?? 1))),
    ),
  );
};
