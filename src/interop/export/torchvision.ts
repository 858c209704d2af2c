import * as l10n from '@vscode/l10n';
import { isResNet, type ModelSpec } from '../../models/catalog';
import type { Recipe } from '../../recipe/recipe';
import { formatNumber } from '../../shared/format';
import {
  cannotErase,
  milestonesInEpochs,
  otherBottleneck,
  otherLossScale,
  otherWidth,
  warmupEpochs,
} from './shared';
import { differs, lacks, nothing, option, type Part, type System, together, when } from './system';

/** Models of ours that torchvision has, under the same names. */
const MODELS = ['inception_v3', 'vgg16_bn', 'densenet121'];

function modelName(model: ModelSpec): string | null {
  if (isResNet(model)) return model.variant === 'A' || model.variant === 'B' ? model.name : null;
  return MODELS.includes(model.name) ? model.name : null;
}

const model: Part = ({ model: spec }) => {
  const name = modelName(spec);
  const variant = isResNet(spec) ? `-${spec.variant}` : '';
  return together(
    option('--model', name ?? 'MODEL'),
    when(name === null, lacks(l10n.t('the model {0}: register one under a name', spec.name + variant))),
    otherWidth(spec),
    otherBottleneck(spec),
  );
};

const data: Part = ({ data: { dataset, shuffle, augment } }) => {
  const { name, height, width } = dataset;
  const size = Math.max(height, width);
  return together(
    option('--data-path', 'DATA'),
    lacks(l10n.t('the data set {0}: write its images to DATA/train and DATA/val, a folder a class', name)),
    option('--train-crop-size', size),
    option('--val-resize-size', size),
    option('--val-crop-size', size),
    when(
      height !== width,
      differs(l10n.t('images: of {0} x {0} pixels, not {1} x {2}', size, height, width)),
    ),
    differs(l10n.t("images: in colour, normalised by ImageNet's mean and deviation")),
    differs(l10n.t('augmentation: random crops of 8 to 100% of the area, and flips; not {0}', augment)),
    when(!shuffle, lacks(l10n.t('shuffle: false; it shuffles always'))),
  );
};

const batches: Part = ({ data: { batchSize }, gradients: { accumulation } }) =>
  together(
    option('--batch-size', batchSize * accumulation),
    when(
      accumulation > 1,
      lacks(l10n.t('gradient_accumulation: one batch of {0} images instead', batchSize * accumulation)),
    ),
  );

const training: Part = ({ epochs, seed, initialization: { weights } }) =>
  together(
    option('--epochs', epochs),
    lacks(l10n.t('the seed {0}', seed)),
    when(
      weights !== null,
      lacks(l10n.t('init: {0}; load it into the model where train.py makes it', weights ?? '')),
    ),
  );

const optimizer: Part = ({ optimizer: recipe }) => {
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
          lacks(l10n.t('moments of adamw other than 0.9 and 0.999, and another epsilon than 1e-8')),
        ),
      );
    case 'adam':
    case 'lars':
    case 'lamb':
      return lacks(l10n.t('the optimizer {0}; its place has SGD', recipe.name));
    default:
      return recipe satisfies never;
  }
};

const weightDecay: Part = ({ parameterGroups: [group, ...others] }) =>
  together(
    option('--weight-decay', group?.weightDecay ?? 0),
    when(others.length > 0, together(option('--norm-weight-decay', 0), option('--bias-weight-decay', 0))),
  );

const rate: Part = ({ schedule: { peakLearningRate } }) => option('--lr', peakLearningRate);

/** The least that PyTorch's LinearLR may start from is not 0. */
const LEAST_START = 1e-8;

const schedule: Part = (recipe) => {
  const { warmup, update } = recipe.schedule;
  const epochs = warmupEpochs(recipe.schedule);
  const isWarm = warmup.steps > 0;
  return together(
    decayOf(recipe),
    when(update === 'step', differs(l10n.t('the rate falls each epoch, not each step'))),
    when(
      isWarm,
      together(
        option('--lr-warmup-epochs', epochs),
        option('--lr-warmup-method', 'linear'),
        option('--lr-warmup-decay', warmup.countFrom === 0 ? LEAST_START : 1 / epochs),
      ),
    ),
    when(
      isWarm && warmup.update === 'step',
      differs(l10n.t('warmup: the rate rises each epoch, not each step')),
    ),
    when(
      warmup.steps !== epochs * recipe.schedule.stepsPerEpoch,
      differs(l10n.t('warmup: {0} whole epochs for {1} steps', epochs, warmup.steps)),
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
          lacks(l10n.t('milestones at epochs {0}; it falls every {1}', [first, ...others].join(', '), every)),
        ),
        when(
          warmupEpochs(recipe) > 0,
          differs(l10n.t('milestones: it counts epochs from the end of warmup')),
        ),
      );
    }
    case 'polynomial':
    case 'one_cycle':
      return together(
        option('--lr-scheduler', 'cosineannealinglr'),
        lacks(l10n.t('the decay {0}; its place has cosine', decay.name)),
      );
    default:
      return decay satisfies never;
  }
}

function stepsOf(every: number, factor: number) {
  return together(
    option('--lr-scheduler', 'steplr'),
    option('--lr-step-size', every),
    option('--lr-gamma', factor),
  );
}

const zeroGamma: Part = ({ initialization }) =>
  when(
    initialization.zeroGamma,
    lacks(l10n.t('zero_gamma: give the model zero_init_residual=True where train.py makes it')),
  );

const stochasticDepth: Part = ({ model: spec }) =>
  when(
    'stochasticDepth' in spec && spec.stochasticDepth !== undefined,
    lacks(l10n.t('stochastic_depth in this model')),
  );

const labelSmoothing: Part = ({ loss }) =>
  when(loss.labelSmoothing > 0, option('--label-smoothing', loss.labelSmoothing));

const distillation: Part = ({ loss }) => when(loss.distillation !== null, lacks(l10n.t('distillation')));

const mixing: Part = ({ data: { mixing: recipe } }) => {
  const { mixup = null, cutmix = null } = recipe ?? {};
  return together(
    when(mixup !== null, option('--mixup-alpha', mixup?.alpha ?? 0)),
    when(cutmix !== null, option('--cutmix-alpha', cutmix?.alpha ?? 0)),
    when(
      cutmix !== null && cutmix.probability < 1,
      lacks(
        l10n.t('a probability of cutmix, {0}; it mixes every batch', formatNumber(cutmix?.probability ?? 1)),
      ),
    ),
  );
};

/** It takes the share not kept times batch size x steps between two updates / epochs. */
const averaging: Part = ({ averaging: recipe, data: { batchSize }, gradients: { accumulation }, epochs }) => {
  if (recipe === null) return nothing;
  const share = ((1 - recipe.decay) * epochs) / (batchSize * accumulation);
  return together(
    option('--model-ema'),
    option('--model-ema-steps', 1),
    option('--model-ema-decay', Math.max(1 - share, 0)),
    when(
      recipe.warmup,
      differs(l10n.t("ema: it starts when the rate's warmup ends, and has none of its own")),
    ),
  );
};

const erasing: Part = ({ data: { erasing: recipe } }) =>
  recipe === null
    ? nothing
    : together(
        option('--random-erase', recipe.probability),
        cannotErase(recipe, { minArea: 0.02, maxArea: 0.33, minAspect: 0.3 }),
      );

const clipping: Part = ({ gradients: { maxNorm } }) =>
  maxNorm === null ? nothing : option('--clip-grad-norm', maxNorm);

const sam: Part = ({ gradients: { sharpnessRadius } }) =>
  when(sharpnessRadius !== null, lacks(l10n.t('sam, sharpness-aware minimisation')));

const precision: Part = ({ precision: recipe }) => {
  switch (recipe.compute) {
    case 'float32':
      return nothing;
    case 'bfloat16':
      return lacks(l10n.t('mixed_precision in bfloat16'));
    case 'float16':
      return together(option('--amp'), otherLossScale(recipe.lossScale));
    default:
      return recipe satisfies never;
  }
};

/** torchvision's references/classification/train.py (https://github.com/pytorch/vision). */
export const torchvision: System = {
  title: "torchvision's references/classification/train.py",
  program: 'torchrun train.py',
  tricks: {
    linear_scaling: rate,
    warmup: schedule,
    cosine_decay: schedule,
    zero_gamma: zeroGamma,
    no_bias_decay: weightDecay,
    lars: optimizer,
    lamb: optimizer,
    mixed_precision: precision,
    resnet_b: model,
    resnet_c: model,
    resnet_d: model,
    label_smoothing: labelSmoothing,
    distillation,
    mixup: mixing,
    cutmix: mixing,
    ema: averaging,
    stochastic_depth: stochasticDepth,
    random_erasing: erasing,
    gradient_clipping: clipping,
    gradient_accumulation: batches,
    sam,
  },
  rest: [model, data, training],
};
