import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import { weightDecayOf } from '../../recipe/parameterGroups';
import type { Recipe } from '../../recipe/recipe';
import { assertNever } from '../../shared/assertNever';
import { formatNumber } from '../../shared/format';
import {
  fallsByStep,
  milestonesInEpochs,
  otherBottleneck,
  otherWidth,
  risesByStep,
  warmupEpochs,
} from './commandParts';
import { differs, lacks, option, type Part, together, when } from './translation';

/** Shared by the tricks in torchvision: parts of the command for its reference train.py. */

/** Our models that torchvision has under the same names. */
const MODELS = ['inception_v3', 'vgg16_bn', 'densenet121'];

function modelName(model: ModelSpec): string | null {
  if (isResNet(model)) return model.variant === 'A' || model.variant === 'B' ? model.name : null;
  return MODELS.includes(model.name) ? model.name : null;
}

/** Translates the model and reports differences. */
export const torchvisionModel: Part = ({ model: spec }) => {
  const name = modelName(spec);
  const variant = isResNet(spec) ? `-${spec.variant}` : '';
  return together(
    option('--model', name ?? 'MODEL'),
    when(name === null, lacks(l10n.t('the model {0}: register it under a name', spec.name + variant))),
    otherWidth(spec),
    otherBottleneck(spec),
  );
};

export const torchvisionOptimizer: Part = ({ optimizer: recipe }) => {
  switch (recipe.name) {
    case 'sgd':
      return together(
        option('--opt', recipe.nesterov && recipe.momentum > 0 ? 'sgd_nesterov' : 'sgd'),
        option('--momentum', recipe.momentum),
      );
    case 'adamw':
      return together(
        option('--opt', 'adamw'),
        when(
          recipe.beta1 !== 0.9 || recipe.beta2 !== 0.999 || recipe.epsilon !== 1e-8,
          lacks(l10n.t('adamw betas other than 0.9 and 0.999, or an epsilon other than 1e-8')),
        ),
      );
    case 'adam':
    case 'lars':
    case 'lamb':
      return lacks(l10n.t('the optimizer {0}; SGD is used instead', recipe.name));
    default:
      return assertNever(recipe);
  }
};

export const torchvisionWeightDecay: Part = ({ parameterGroups }) => {
  const { weightDecay, isForAll } = weightDecayOf(parameterGroups);
  return together(
    option('--weight-decay', weightDecay),
    when(!isForAll, together(option('--norm-weight-decay', 0), option('--bias-weight-decay', 0))),
  );
};

export const torchvisionRate: Part = ({ schedule: { peakLearningRate } }) => option('--lr', peakLearningRate);

/** PyTorch's LinearLR cannot start from 0. */
const LEAST_START = 1e-8;

export const torchvisionSchedule: Part = (recipe) => {
  const { warmup, decay } = recipe.schedule;
  const epochs = warmupEpochs(recipe.schedule);
  // If counted from 1, the last warmup epoch has the peak learning rate. torchvision's warmup reaches it one epoch
  // later.
  const countsEpochs = warmup.countFrom === 1 && warmup.update === 'epoch';
  const isOneLess = countsEpochs && (epochs === 1 || decay.name === 'constant');
  const first = 1 / (countsEpochs ? epochs : warmup.steps);
  const theirs = isOneLess ? epochs - 1 : epochs;
  return together(
    decayOf(recipe),
    when(
      fallsByStep(recipe.schedule),
      differs(l10n.t('the learning rate falls every epoch, not every step')),
    ),
    when(
      theirs > 0,
      together(
        option('--lr-warmup-epochs', theirs),
        option('--lr-warmup-method', 'linear'),
        option('--lr-warmup-decay', warmup.countFrom === 0 ? LEAST_START : first),
      ),
    ),
    when(
      warmup.countFrom === 1 && theirs > 1 && !isOneLess,
      differs(
        l10n.t(
          'warmup: it rises from {0} of the peak to the peak in {1} equal parts',
          formatNumber(first),
          epochs,
        ),
      ),
    ),
    when(
      risesByStep(recipe.schedule),
      differs(l10n.t('warmup: the learning rate rises every epoch, not every step')),
    ),
    when(
      warmup.steps !== epochs * recipe.schedule.stepsPerEpoch,
      differs(l10n.t('warmup: {0} whole epochs instead of {1} steps', epochs, warmup.steps)),
    ),
  );
};

function decayOf({ schedule: recipe, epochs }: Recipe) {
  const { decay } = recipe;
  switch (decay.name) {
    case 'cosine':
      return option('--lr-scheduler', 'cosineannealinglr');
    case 'constant':
      return stepsOf(epochs + 1, 1);
    case 'step': {
      const [first = epochs + 1, ...others] = milestonesInEpochs(recipe);
      const every = Math.max(Math.round(first), 1);
      const isEven = [first, ...others].every((milestone, index) => milestone === every * (index + 1));
      return together(
        stepsOf(every, decay.factor),
        when(
          !isEven,
          lacks(
            l10n.t('milestones at epochs {0}; it decays every {1}', [first, ...others].join(', '), every),
          ),
        ),
        when(
          warmupEpochs(recipe) > 0,
          differs(l10n.t('milestones: it counts epochs from the end of warmup')),
        ),
      );
    }
    case 'polynomial':
    case 'one_cycle':
    case 'range_test':
      return together(
        option('--lr-scheduler', 'cosineannealinglr'),
        lacks(l10n.t('the decay {0}; cosine is used instead', decay.name)),
      );
    default:
      return assertNever(decay);
  }
}

function stepsOf(every: number, factor: number) {
  return together(
    option('--lr-scheduler', 'steplr'),
    option('--lr-step-size', every),
    option('--lr-gamma', factor),
  );
}

export const torchvisionMixing: Part = ({ data: { mixing: recipe } }) => {
  const { mixup = null, cutmix = null } = recipe ?? {};
  return together(
    when(mixup !== null, option('--mixup-alpha', mixup?.alpha ?? 0)),
    when(cutmix !== null, option('--cutmix-alpha', cutmix?.alpha ?? 0)),
    when(
      cutmix !== null && cutmix.probability < 1,
      lacks(
        l10n.t('the cutmix probability {0}; it mixes every batch', formatNumber(cutmix?.probability ?? 1)),
      ),
    ),
  );
};
