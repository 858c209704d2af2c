/**
 * Names that other systems use for an experiment's keys and values. Excludes tricks, which define their own aliases.
 */
import * as l10n from '@vscode/l10n';
import { folded } from '../../shared/nearest';
import type { Path } from '../../shared/path';

/** The product's keys by section, each with its names elsewhere. The top level is the section with an empty name. */
const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  optimizer: {
    base_lr: 'lr learning_rate rate initial_lr lr0 init_lr peak_lr max_lr eta0',
    weight_decay: 'wd l2 l2_reg regularization',
    name: 'optimizer type opt algorithm',
    momentum: 'mu',
    epsilon: 'eps opt_eps',
    beta1: 'b1',
    beta2: 'b2',
    head_learning_rate: 'head_lr classifier_lr',
    layer_decay: 'llrd layerwise_decay',
  },
  data: {
    batch_size: 'bs batch train_batch_size minibatch_size batch_size_per_gpu',
    dataset: 'name type kind',
    path: 'root dir folder data_dir data_path directory',
    image_size: 'img_size imgsz input_size size resolution crop_size',
    augment: 'augmentation augmentations transform transforms aug auto_augment',
    crop_pct: 'crop_ratio',
    channels: 'in_channels in_chans',
  },
  schedule: {
    epochs: 'max_epochs num_epochs n_epochs nb_epochs total_epochs num_train_epochs',
    decay: 'lr_scheduler scheduler sched lr_schedule policy lr_policy lr_decay',
  },
  model: {
    name: 'type arch architecture model backbone net',
    classes: 'num_classes n_classes nb_classes',
    input_size: 'img_size imgsz image_size',
    width_multiplier: 'width_mult',
    hidden: 'hidden_sizes hidden_size hidden_dims units layers',
  },
  '': {
    seed: 'random_seed manual_seed random_state',
    engine: 'device backend accelerator',
    init: 'pretrained weights checkpoint init_from finetune',
    model: 'network net arch architecture backbone',
    data: 'dataset dataloader',
    schedule: 'lr_schedule lr_scheduler scheduler training train',
    name: 'title experiment_name exp_name run_name',
    loss: 'criterion',
    tricks: 'bag_of_tricks',
  },
};

/** The product's values by key, each with its names elsewhere. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'optimizer.name': { sgd: 'momentum nesterov sgd_momentum', adamw: 'adam_w' },
  'schedule.decay': {
    cosine: 'cos cosine_annealing cosine_annealing_lr cosine_decay',
    step: 'step_lr',
    multi_step: 'multi_step_lr',
    constant: 'none fixed const',
    polynomial: 'poly polynomial_lr poly_lr',
    one_cycle: 'one_cycle_lr',
    linear: 'linear_lr',
  },
  'data.dataset': {
    image_folder: 'folder directory images',
    'fashion-mnist': 'fmnist',
    parquet: 'huggingface hf',
    webdataset: 'wds',
    npz: 'medmnist numpy',
  },
  'data.augment': {
    none: 'off no false',
    flip: 'hflip horizontal_flip random_horizontal_flip',
    crop_flip: 'cifar standard',
  },
  'data.interpolation': { lanczos: 'lanczos3', bicubic: 'cubic', bilinear: 'linear' },
  'data.sampling': { balanced: 'weighted class_balanced' },
  'loss.class_weights': { none: 'off no false', balanced: 'auto' },
  'model.name': {
    mobilenet_v1: 'mobilenet',
    inception_v3: 'inception',
    vgg16_bn: 'vgg vgg16',
    densenet121: 'densenet',
    resnet50: 'resnet',
  },
  engine: {
    'tensorflow-gpu': 'gpu cuda nvidia',
    tensorflow: 'tf node tfjs_node',
    webgpu: 'metal vulkan dawn',
  },
};

/** Data sets on the user's disk, in a layout that one of the product's data set kinds reads. */
const ON_DISK: readonly {
  readonly names: readonly string[];
  readonly dataset: string;
  readonly path: string;
  remedy(): string;
}[] = [
  {
    names: ['imagenet', 'imagenet1k', 'ilsvrc2012', 'imagenette', 'imagewoof', 'tinyimagenet', 'imagenet100'],
    dataset: 'image_folder',
    path: 'imagenet',
    remedy: () =>
      l10n.t('Write dataset: image_folder, and path: the folder on your disk with train and val.'),
  },
  {
    names: ['mnist', 'emnist', 'kmnist', 'qmnist'],
    dataset: 'idx',
    path: 'mnist',
    remedy: () => l10n.t('Write dataset: idx, and path: the folder of its four files.'),
  },
];

/** Maps each folded key of another system to the paths of the product's keys that it may mean. */
const byOtherKey: ReadonlyMap<string, readonly Path[]> = (() => {
  const paths = new Map<string, Path[]>();
  for (const [section, keys] of Object.entries(KEYS)) {
    for (const [key, others] of Object.entries(keys)) {
      const path = section === '' ? [key] : [section, key];
      for (const other of others.split(' ').map(folded))
        paths.set(other, [...(paths.get(other) ?? []), path]);
    }
  }
  return paths;
})();

/** Returns the paths of the product's keys that another system's key may mean. */
export function keysCalled(key: string): readonly Path[] {
  return byOtherKey.get(folded(key)) ?? [];
}

/** Returns the product's value at a path for another system's value. */
export function valueCalled(path: Path, value: string): string | undefined {
  const key = path.at(-1) === 'name' && path.at(-2) === 'decay' ? 'schedule.decay' : path.join('.');
  const values = Object.entries(VALUES[key] ?? {});
  return values.find(([, others]) => others.split(' ').map(folded).includes(folded(value)))?.[0];
}

/** Returns how to specify a data set on the user's disk. */
export function onDisk(value: string): (typeof ON_DISK)[number] | undefined {
  return ON_DISK.find(({ names }) => names.includes(folded(value)));
}
