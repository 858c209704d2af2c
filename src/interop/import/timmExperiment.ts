import * as l10n from '@vscode/l10n';
import { RESNET_NAMES } from '../../models/catalog';
import {
  known,
  numberAt,
  type Settings,
  settingAt,
  textAt,
  UnknownHere,
} from '../../tricks/elsewhere/mapping';
import {
  epochsIn,
  isRateOpen,
  optimizerIn,
  peakRateIn,
  rateIn,
  scalingIn,
  weightDecayIn,
} from '../../tricks/elsewhere/timmFile';
import { architectureOf, modelIn } from '../../tricks/elsewhere/timmModels';
import { type ForeignExperiment, IMAGENET } from './adapter';

/** Positions of the lenses among timm's settings. */
export const TIMM_ANCHORS: Readonly<Record<string, readonly string[]>> = {
  'optimizer.base_lr': ['lr', 'lr_base'],
  'optimizer.weight_decay': ['weight_decay'],
  'optimizer.name': ['opt'],
  optimizer: ['opt'],
  'schedule.epochs': ['epochs'],
  'schedule.decay': ['sched'],
  'data.batch_size': ['batch_size'],
  'data.augment': ['aa', 'hflip'],
  model: ['model'],
};

/** Converts the settings of timm's train.py to an experiment. */
export function timmExperiment(settings: Settings): ForeignExperiment {
  const { processes } = settings;
  const batchSize = known(() => {
    if (!processes)
      throw new UnknownHere(l10n.t('The file does not specify the number of training processes.'));
    if (!processes.known) throw new UnknownHere(processes.why);
    for (const other of ['aug_repeats', 'naflex_loader', 'train_img_sizes']) {
      if (settingAt(settings, other))
        throw new UnknownHere(l10n.t('{0} changes what a step contains.', other));
    }
    return processes.value * (numberAt(settings, 'batch_size') ?? 128);
  });
  return {
    model: known(() => modelOf(settings)),
    trainImages: known(() => {
      trainsOnImageNet(settings);
      return IMAGENET.trainImages;
    }),
    classes: known(() => {
      const classes = numberAt(settings, 'num_classes');
      if (classes === undefined) trainsOnImageNet(settings);
      return classes ?? IMAGENET.classes;
    }),
    imageSize: known(() => imageSizeOf(settings)),
    batchSize,
    optimizer: known(() => {
      const name = optimizerIn(settings);
      const ours = OURS[name];
      if (ours) return ours;
      throw new UnknownHere(l10n.t('The optimizer {0} is unknown here.', name));
    }),
    baseLearningRate: known(() => {
      if (!isRateOpen(settings) || scalingIn(settings) === 'linear') return rateIn(settings);
      const rate = batchSize.known ? peakRateIn(settings, { batchSize, epochs: batchSize }) : null;
      if (rate === null)
        throw new UnknownHere(l10n.t('The learning rate depends on the number of training processes.'));
      return rate;
    }),
    weightDecay: known(() => weightDecayIn(settings)),
    epochs: known(() => epochsIn(settings)),
  };
}

/** Our optimizer by timm's name. Optimizers that are tricks here count as SGD, which they replace. */
const OURS: Readonly<Record<string, 'sgd' | 'adam' | 'adamw'>> = {
  sgd: 'sgd',
  nesterov: 'sgd',
  momentum: 'sgd',
  lamb: 'sgd',
  lars: 'sgd',
  adam: 'adam',
  adamw: 'adamw',
};

/** timm's data set names that can only be ImageNet-1k. A folder's name proves nothing. */
const IMAGENET_NAMES = ['torch/imagenet', 'tfds/imagenet2012', 'hfds/imagenet-1k', 'hfds/ilsvrc/imagenet-1k'];

/** Throws unless a file certainly trains on all of ImageNet's training images. */
function trainsOnImageNet(settings: Settings): void {
  const dataset = (textAt(settings, 'dataset') ?? '').toLowerCase();
  const isAll =
    IMAGENET_NAMES.includes(dataset) &&
    (numberAt(settings, 'num_classes') ?? IMAGENET.classes) === IMAGENET.classes &&
    (textAt(settings, 'train_split') ?? 'train') === 'train' &&
    (textAt(settings, 'class_map') ?? '') === '' &&
    (settingAt(settings, 'train_num_samples') ?? null) === null &&
    (numberAt(settings, 'epoch_repeats') ?? 0) === 0;
  if (!isAll) throw new UnknownHere(l10n.t('The file does not specify the number of training images.'));
}

/** timm models besides ResNets that have the same name here. */
const SAME_NAME = ['vgg16_bn', 'densenet121', 'inception_v3'];

/** Returns our model. timm's ResNets have their stride in the 3x3 convolution. */
function modelOf(settings: Settings): Readonly<Record<string, unknown>> {
  const model = modelIn(settings);
  const name = architectureOf(model);
  const changed = [...settings.keys()].find(
    (key) => key.startsWith('model_kwargs.') && key !== 'model_kwargs.zero_init_last',
  );
  settingAt(settings, 'model_kwargs');
  if (changed !== undefined) throw new UnknownHere(l10n.t('{0} changes the model.', changed));
  if (SAME_NAME.includes(name)) return { name };
  const found = RESNET_NAMES.find((each) => name === each || name === `${each}d`);
  if (!found) throw new UnknownHere(l10n.t('The model {0} is unknown here.', model));
  return { name: found, variant: name === found ? 'B' : 'D' };
}

/** Models with a native input of 224 pixels in timm 1.0.28, by their names without a tag. */
const OF_224 = [
  'resnet18',
  'resnet18d',
  'resnet34',
  'resnet34d',
  'resnet50',
  'resnet50d',
  'resnet101',
  'resnet152',
  'vgg16_bn',
  'densenet121',
];

function imageSizeOf(settings: Settings): number {
  const shape = settingAt(settings, 'input_size') ?? null;
  if (Array.isArray(shape)) {
    const [channels, height, width] = shape;
    if (channels === 3 && height === width && typeof height === 'number') return height;
    throw new UnknownHere(l10n.t('{0} is {1}.', 'input_size', shape.join(' ')));
  }
  const size = numberAt(settings, 'img_size');
  if (size !== undefined) return size;
  const model = modelIn(settings);
  if (OF_224.includes(model)) return 224;
  throw new UnknownHere(l10n.t('The image size of {0} is unknown here.', model));
}
