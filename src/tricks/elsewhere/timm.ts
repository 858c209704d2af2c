import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import { weightDecayOf } from '../../recipe/parameterGroups';
import type { Recipe } from '../../recipe/recipe';
import { assertNever } from '../../shared/assertNever';
import { counted } from '../../shared/counted';
import { formatNumber } from '../../shared/format';
import { milestonesInEpochs, otherBottleneck, otherWidth, warmupEpochs } from './commandParts';
import { differs, lacks, option, type Part, together, when } from './translation';

/** Shared by the tricks in timm: parts of the command for its train.py (version 1.0). */

/** timm's names of our models. */
const MODELS: Readonly<Record<string, string>> = {
  mobilenet_v1: 'mobilenetv1_100',
  inception_v3: 'inception_v3',
  vgg16_bn: 'vgg16_bn',
  densenet121: 'densenet121',
};

/**
 * Returns timm's name of a model, regardless of its width. ResNets of 18 and 34 layers only exist as plain and as D.
 */
export function timmName(model: ModelSpec): string | null {
  if (!isResNet(model)) return MODELS[model.name] ?? null;
  const { name, variant } = model;
  if (variant === 'A' || variant === 'B') return name;
  if (variant === 'D') return `${name}d`;
  return name === 'resnet18' || name === 'resnet34' ? null : `${name}c`;
}

/** Translates the model and its classes, and reports differences. */
export const timmModel: Part = (recipe) => {
  const name = timmName(recipe.model);
  const variant = isResNet(recipe.model) ? `-${recipe.model.variant}` : '';
  return together(
    option('--model', name ?? 'MODEL'),
    when(
      name === null,
      lacks(l10n.t('the model {0}: register it under a name', recipe.model.name + variant)),
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
        // PyTorch rejects Nesterov without momentum. Without momentum, both are the same.
        option('--opt', recipe.nesterov && recipe.momentum > 0 ? 'sgd' : 'momentum'),
        option('--momentum', recipe.momentum),
      );
    case 'lars':
      return together(
        option('--opt', 'lars'),
        option('--momentum', recipe.momentum),
        option('--opt-kwargs', `trust_coeff=${recipe.trustCoefficient}`),
        when(isForAll, differs(l10n.t('lars: trust ratios also apply to biases and norms'))),
      );
    case 'lamb':
      return together(
        option('--opt', 'lamb'),
        option('--opt-betas', recipe.beta1, recipe.beta2),
        option('--opt-eps', recipe.epsilon),
        // timm's LAMB clips gradients to a norm of 1 by default.
        option('--opt-kwargs', 'max_grad_norm=None'),
        when(isForAll, differs(l10n.t('lamb: trust ratios also apply to biases and norms'))),
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
    // timm exempts biases and norms from weight decay unless told otherwise.
    when(isForAll, option('--opt-kwargs', 'filter_bias_and_bn=False')),
  );
};

export const timmRate: Part = ({ schedule: { peakLearningRate } }) => option('--lr', peakLearningRate);

/** Whether timm counts the epochs of warmup separately from those of the decay. */
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
      differs(l10n.t('warmup: {0} whole epochs instead of {1} steps', epochs, warmup.steps)),
    ),
    when(
      warmup.steps > 0 && warmup.countFrom === 1,
      differs(l10n.t('warmup: its first step counts as 1, its last as the number of steps plus 1')),
    ),
    when(
      update === 'step' && warmup.steps > 0 && warmup.update === 'epoch',
      differs(l10n.t('warmup: the learning rate rises every step, not every epoch')),
    ),
    when(
      decay.name === 'one_cycle',
      lacks(l10n.t('the decay one_cycle over {0}; cosine is used instead', counted(totalSteps, 'step'))),
    ),
    when(
      decay.name === 'range_test',
      lacks(l10n.t('the rise of a range test over {0}; cosine is used instead', counted(totalSteps, 'step'))),
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
      // timm uses --decay-rate for the power.
      return together(option('--sched', 'poly'), option('--decay-rate', decay.power));
    case 'constant':
      // A step schedule whose first step is after the end.
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
        // timm's milestones come one step of the schedule early. If that step is an epoch, adding one corrects it.
        option('--decay-milestones', ...whole.map((epoch) => (update === 'epoch' ? epoch + 1 : epoch))),
        option('--decay-rate', decay.factor),
        rounding,
        when(update === 'step', differs(l10n.t('milestones: the learning rate falls one step early'))),
      );
    }
    default:
      return assertNever(decay);
  }
}

/** Translates mixup and CutMix, which share a probability in timm. */
export const timmMixing: Part = ({ data: { mixing: recipe } }) => {
  const { mixup = null, cutmix = null } = recipe ?? {};
  return together(
    when(mixup !== null, option('--mixup', mixup?.alpha ?? 0)),
    when(cutmix !== null, option('--cutmix', cutmix?.alpha ?? 0)),
    when(cutmix !== null && mixup === null, option('--mixup-prob', cutmix?.probability ?? 1)),
    when(
      cutmix !== null && mixup !== null && cutmix.probability < 1,
      lacks(l10n.t('a separate probability for cutmix, {0}', formatNumber(cutmix?.probability ?? 1))),
    ),
  );
};
