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

/** Models of ours that timm has under another name or the same. */
const MODELS: Readonly<Record<string, string>> = {
  mobilenet_v1: 'mobilenetv1_100',
  inception_v3: 'inception_v3',
  vgg16_bn: 'vgg16_bn',
  densenet121: 'densenet121',
};

/** ResNets of 18 and 34 layers stand there plain and as D alone. */
function modelName(model: ModelSpec): string | null {
  if (!isResNet(model)) return MODELS[model.name] ?? null;
  const { name, variant } = model;
  if (variant === 'A' || variant === 'B') return name;
  if (variant === 'D') return `${name}d`;
  return name === 'resnet18' || name === 'resnet34' ? null : `${name}c`;
}

const model: Part = (recipe) => {
  const name = modelName(recipe.model);
  const variant = isResNet(recipe.model) ? `-${recipe.model.variant}` : '';
  return together(
    option('--model', name ?? 'MODEL'),
    when(
      name === null,
      lacks(l10n.t('the model {0}: register one under a name', recipe.model.name + variant)),
    ),
    otherWidth(recipe.model),
    otherBottleneck(recipe.model),
    option('--num-classes', recipe.data.dataset.classes),
  );
};

const data: Part = ({ data: { dataset, batchSize, shuffle } }) => {
  const { name, trainImages, channels, height, width, mean, std } = dataset;
  const isFashion = name === 'fashion-mnist' || name === 'fashion-mnist-sample';
  return together(
    option('--data-dir', 'DATA'),
    when(isFashion, together(option('--dataset', 'torch/fashion_mnist'), option('--dataset-download'))),
    when(
      name === 'fashion-mnist-sample',
      differs(l10n.t('data: all 60,000 images, not the {0} of the sample', trainImages)),
    ),
    when(!isFashion, lacks(l10n.t('the data set {0}: write its images to folders, a class each', name))),
    option('--input-size', channels, height, width),
    option('--mean', ...mean),
    option('--std', ...std),
    option('--batch-size', batchSize),
    when(!shuffle, lacks(l10n.t('shuffle: false; it shuffles always'))),
  );
};

const augmentation: Part = ({ data: { augment } }) =>
  together(
    // The whole image, as random crops have it by default a part, and no change of colours.
    option('--scale', 1, 1),
    option('--ratio', 1, 1),
    option('--color-jitter', 0),
    option('--hflip', augment === 'none' ? 0 : 0.5),
    when(augment === 'crop_flip', lacks(l10n.t('the crops of augment: crop_flip, which shift the image'))),
  );

const training: Part = ({ epochs, schedule, seed, initialization: { weights } }) =>
  together(
    // Its --epochs are those after the warmup where that stands apart from the decay.
    option('--epochs', hasWarmupPrefix(schedule) ? Math.max(epochs - warmupEpochs(schedule), 1) : epochs),
    option('--seed', seed),
    when(weights !== null, option('--initial-checkpoint', weights ?? '')),
  );

const optimizer: Part = ({ optimizer: recipe, parameterGroups }) => {
  const isForAll = parameterGroups.length === 1;
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
      return recipe satisfies never;
  }
};

const weightDecay: Part = ({ parameterGroups: [group, ...others] }) =>
  together(
    option('--weight-decay', group?.weightDecay ?? 0),
    // It leaves biases and norms free of decay unless told not to.
    when(others.length === 0, option('--opt-kwargs', 'filter_bias_and_bn=False')),
  );

const rate: Part = ({ schedule: { peakLearningRate } }) => option('--lr', peakLearningRate);

function hasWarmupPrefix({ warmup, decay }: Recipe['schedule']): boolean {
  return warmup.steps > 0 && (decay.name === 'cosine' || decay.name === 'polynomial');
}

const schedule: Part = (recipe) => {
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
      warmup.steps > 0 && warmup.update !== update,
      differs(l10n.t('warmup: it rises as often as the rate falls, each {0}', update)),
    ),
    when(
      decay.name === 'one_cycle',
      lacks(l10n.t('the decay one_cycle over {0} steps; its place has cosine', totalSteps)),
    ),
  );
};

function decayOf({ schedule, epochs }: Recipe) {
  const { decay, update } = schedule;
  switch (decay.name) {
    case 'cosine':
    case 'one_cycle':
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
      return decay satisfies never;
  }
}

const zeroGamma: Part = ({ model: { name }, initialization }) =>
  name.startsWith('resnet')
    ? option('--model-kwargs', `zero_init_last=${initialization.zeroGamma ? 'True' : 'False'}`)
    : nothing;

const stochasticDepth: Part = ({ model: spec }) => {
  const dropped =
    'stochasticDepth' in spec && typeof spec.stochasticDepth === 'number' ? spec.stochasticDepth : 0;
  return when(
    dropped > 0,
    together(
      option('--drop-path', dropped),
      differs(l10n.t('stochastic_depth: rates rise from 0 in the first block, ours from rate / blocks')),
    ),
  );
};

const labelSmoothing: Part = ({ loss }) => option('--smoothing', loss.labelSmoothing);

const distillation: Part = ({ loss: { distillation: recipe } }) =>
  recipe === null
    ? nothing
    : together(
        option('--kd-model-name', 'TEACHER'),
        option('--kd-temperature', recipe.temperature),
        option('--task-loss-weight', 1),
        option('--distill-loss-weight', recipe.weight),
        differs(l10n.t('distillation: TEACHER is a model of timm with its weights, for {0}', recipe.teacher)),
        // Of constant difference, the entropy of the teacher.
        differs(
          l10n.t("distillation: the loss is told less the teacher's entropy; its gradient is the same"),
        ),
      );

const mixing: Part = ({ data: { mixing: recipe } }) => {
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

const averaging: Part = ({ averaging: recipe }) =>
  recipe === null
    ? nothing
    : together(
        option('--model-ema'),
        option('--model-ema-decay', recipe.decay),
        when(
          recipe.warmup,
          together(
            option('--model-ema-warmup'),
            differs(l10n.t("ema: the decay's warmup is 1 − (1 + t)^(−2/3), ours (1 + t) / (10 + t)")),
          ),
        ),
      );

const erasing: Part = ({ data: { erasing: recipe } }) =>
  recipe === null
    ? nothing
    : together(
        option('--reprob', recipe.probability),
        option('--remode', 'const'),
        cannotErase(recipe, { minArea: 0.02, maxArea: 1 / 3, minAspect: 0.3 }),
      );

const clipping: Part = ({ gradients: { maxNorm } }) =>
  maxNorm === null ? nothing : option('--clip-grad', maxNorm);

const accumulation: Part = ({ gradients }) =>
  when(gradients.accumulation > 1, option('--grad-accum-steps', gradients.accumulation));

const sam: Part = ({ gradients: { sharpnessRadius } }) =>
  when(sharpnessRadius !== null, lacks(l10n.t('sam, sharpness-aware minimisation')));

const precision: Part = ({ precision: recipe }) => {
  if (recipe.compute === 'float32') return nothing;
  const amp = together(option('--amp'), option('--amp-dtype', recipe.compute));
  if (recipe.compute === 'bfloat16') return amp;
  return together(amp, otherLossScale(recipe.lossScale));
};

/** timm's train.py (https://github.com/huggingface/pytorch-image-models), of version 1.0. */
export const timm: System = {
  title: "timm's train.py",
  program: 'python train.py',
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
    gradient_accumulation: accumulation,
    sam,
  },
  rest: [model, data, augmentation, training],
};
