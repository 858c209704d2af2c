import * as l10n from '@vscode/l10n';
import type { ResNetVariant } from '../../models/networks/resNet';
import { isMapping } from '../../shared/values';
import {
  COMPUTED,
  known,
  numberAt,
  type Settings,
  settingAt,
  textAt,
  UnknownHere,
} from '../../tricks/elsewhere/mapping';
import { typeAt, typeOf } from '../../tricks/elsewhere/mmpretrain';
import { type ForeignExperiment, IMAGENET } from './adapter';

/** Converts an MMPretrain config to an experiment. Only includes what is certain. */
export function mmpretrainExperiment(settings: Settings, fileName: string): ForeignExperiment {
  return {
    model: known(() => modelOf(settings)),
    trainImages: known(() => trainImagesOf(settings)),
    classes: known(() => classesOf(settings)),
    imageSize: known(() => imageSizeOf(settings)),
    batchSize: known(() => batchOf(settings, fileName)),
    optimizer: known(() => {
      const type = typeAt(settings, 'optim_wrapper.optimizer.type') ?? '';
      const ours = OURS[type];
      if (ours) return ours;
      throw new UnknownHere(l10n.t('The optimizer {0} is unknown here.', type));
    }),
    baseLearningRate: known(() => told(settings, 'optim_wrapper.optimizer.lr')),
    // PyTorch's default for AdamW differs from the others'.
    weightDecay: known(
      () =>
        numberAt(settings, 'optim_wrapper.optimizer.weight_decay') ??
        (typeAt(settings, 'optim_wrapper.optimizer.type') === 'AdamW' ? 0.01 : 0),
    ),
    epochs: known(() => {
      if (settingAt(settings, 'train_cfg.by_epoch') === false) {
        throw new UnknownHere(l10n.t('The training counts iterations, not epochs.'));
      }
      return told(settings, 'train_cfg.max_epochs');
    }),
  };
}

function told(settings: Settings, setting: string): number {
  const value = numberAt(settings, setting);
  if (value === undefined) throw new UnknownHere(l10n.t('{0} is not in the file.', setting));
  return value;
}

/** Our optimizer by PyTorch's name. */
const OURS: Readonly<Record<string, 'sgd' | 'adam' | 'adamw'>> = { SGD: 'sgd', Adam: 'adam', AdamW: 'adamw' };

/** MMPretrain's ResNet has its stride in the 3x3 convolution (style 'pytorch'). */
const VARIANTS: Readonly<Record<string, ResNetVariant>> = { ResNet: 'B', ResNetV1c: 'C', ResNetV1d: 'D' };

/** ResNet arguments with the values that keep the architecture of the papers. */
const USUAL: Readonly<Record<string, unknown>> = {
  style: 'pytorch',
  num_stages: 4,
  in_channels: 3,
  stem_channels: 64,
  base_channels: 64,
  deep_stem: false,
  avg_down: false,
};

function modelOf(settings: Settings): Readonly<Record<string, unknown>> {
  const type = typeAt(settings, 'model.backbone.type');
  const variant = VARIANTS[type ?? ''];
  const depth = told(settings, 'model.backbone.depth');
  const other = Object.entries(USUAL).find(([name, usual]) => {
    const value = settingAt(settings, `model.backbone.${name}`);
    return value !== undefined && value !== usual;
  });
  if (other) throw new UnknownHere(l10n.t('A ResNet with a different {0} is unknown here.', other[0]));
  if (variant === undefined || ![18, 34, 50, 101, 152].includes(depth)) {
    throw new UnknownHere(l10n.t('The model {0} is unknown here.', `${type} ${depth}`));
  }
  return { name: `resnet${depth}`, variant };
}

function classesOf(settings: Settings): number {
  const classes = told(settings, 'model.head.num_classes');
  for (const place of ['data_preprocessor.num_classes', 'model.data_preprocessor.num_classes']) {
    const other = settings.get(place);
    if (other !== undefined && other !== classes) {
      throw new UnknownHere(l10n.t('{0} is {1}, but {2} differs.', 'model.head.num_classes', classes, place));
    }
  }
  return classes;
}

const DATASET = 'train_dataloader.dataset';

/** Only known for the complete ImageNet-1k in its usual folder, because the same type also reads other folders. */
function trainImagesOf(settings: Settings): number {
  const unknown = new UnknownHere(l10n.t('The file does not specify the number of training images.'));
  const is = (setting: string, ...values: readonly unknown[]) =>
    values.includes(settingAt(settings, `${DATASET}.${setting}`));
  const isSplit = is('split', 'train')
    ? is('ann_file', undefined, '', 'meta/train.txt')
    : is('ann_file', 'meta/train.txt') && is('data_prefix', 'train');
  const isWhole =
    is('indices', undefined, null) && is('classes', undefined, null) && is('filter_cfg', undefined, null);
  const root = textAt(settings, `${DATASET}.data_root`) ?? '';
  const isUsual =
    typeAt(settings, `${DATASET}.type`) === 'ImageNet' && /(?:^|\/)data\/imagenet\/?$/.test(root);
  if (!isUsual || !isSplit || !isWhole || classesOf(settings) !== IMAGENET.classes) throw unknown;
  return IMAGENET.trainImages;
}

/** Pipeline steps that keep the image size. */
const KEEPING =
  /^(?:LoadImageFromFile|RandomFlip|PackInputs|PackClsInputs|ColorJitter|Lighting|AutoAugment|RandAugment|RandomErasing|NumpyToPIL|PILToNumpy)$/;

/** Returns the image size after the only crop in the training pipeline. */
function imageSizeOf(settings: Settings): number {
  const pipeline = settingAt(settings, `${DATASET}.pipeline`);
  const steps = Array.isArray(pipeline) ? pipeline.filter(isMapping) : [];
  const sizing = steps.filter((step) => !KEEPING.test(typeOf(step) ?? ''));
  const [only] = sizing;
  const size = typeOf(only ?? {}) === 'RandomResizedCrop' ? only?.scale : undefined;
  if (sizing.length !== 1 || typeof size !== 'number') {
    throw new UnknownHere(l10n.t('The file does not specify the image size.'));
  }
  return size;
}

/**
 * Returns the images per step, from the file's name unless something contradicts it: resnet50_8xb32_in1k.py means 8
 * processes of 32.
 */
function batchOf(settings: Settings, fileName: string): number {
  const base = fileName.split(/[\\/]/).at(-1) ?? '';
  const [, processes, images] = /(?:^|[_-])(\d+)xb(\d+)(?=[_.-])/.exec(base) ?? [];
  if (processes === undefined) {
    throw new UnknownHere(l10n.t('The file does not specify the number of training processes.'));
  }
  const setting = 'train_dataloader.batch_size';
  const isKnown = settings.has(setting) || settings.get('train_dataloader') === COMPUTED;
  const written = isKnown ? told(settings, setting) : Number(images);
  if (written !== Number(images)) {
    throw new UnknownHere(
      l10n.t('{0} is {1}, but the file name says {2}.', setting, written, Number(images)),
    );
  }
  return Number(processes) * written;
}
