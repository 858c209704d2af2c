import * as l10n from '@vscode/l10n';
import { parseDocument } from '../../experiment/document';
import type { EditResult } from '../../experiment/textEdits';
import { isMapping } from '../../experiment/values';
import { RESNET_NAMES } from '../../models/catalog';
import {
  type Adapter,
  amount,
  choice,
  flattened,
  IMAGENET,
  numberAt,
  type Settings,
  textAt,
  unsettled,
  without,
} from './adapter';

/** Keys of which every file that timm's train.py writes, or reads by --config, has several. */
const TELLING = [
  'model',
  'opt',
  'sched',
  'lr',
  'lr_base',
  'epochs',
  'batch_size',
  'weight_decay',
  'smoothing',
];

const ENOUGH = 4;

/** Whether a text has the telling keys, before it is read as YAML: editors ask that of every YAML file. */
function mayBeArguments(text: string): boolean {
  const keys = text.matchAll(/^(["']?)([a-z_]+)\1[ \t]*:/gm);
  const found = new Set(Array.from(keys, ([, , key = '']) => key));
  return TELLING.filter((key) => found.has(key)).length >= ENOUGH;
}

/** Optimizers of which timm scales the rate by the square root, as their names have one of these in them. */
const SCALED_BY_ROOT = /ada|lamb/;

/** The arguments of timm's train.py (pytorch-image-models), as args.yaml keeps them and --config reads them. */
export const timmArgs: Adapter = {
  system: 'timm',
  read(text, fileName) {
    if (!/\.ya?ml$/i.test(fileName) || !mayBeArguments(text)) return null;
    const document = parseDocument(text, fileName);
    const { value, problems } = document;
    if (problems.length > 0 || !isMapping(value)) return null;
    const isTimm = TELLING.filter((key) => Object.hasOwn(value, key)).length >= ENOUGH;
    if (!isTimm || typeof value.model !== 'string') return null;
    return {
      settings: new Map(flattened(value)),
      rangeOf: (setting) => {
        const path = setting.split('.');
        return Object.hasOwn(value, path[0] ?? '') ? document.rangeOf(path, 'key') : null;
      },
      start: document.rangeOf(['model'], 'key'),
      edit: (changes) =>
        document.inSequence(
          Object.entries(changes).map(([setting, next]) => (current): EditResult => {
            const path = setting.split('.');
            return next === undefined ? current.removeIn(path) : current.setIn(path, next);
          }),
        ),
    };
  },
  anchors: {
    'optimizer.base_lr': ['lr', 'lr_base'],
    'optimizer.weight_decay': ['weight_decay'],
    'optimizer.name': ['opt'],
    optimizer: ['opt'],
    'schedule.epochs': ['epochs'],
    'schedule.decay': ['sched'],
    'data.batch_size': ['batch_size'],
    'data.augment': ['aa', 'hflip'],
  },
  tricks: {
    linear_scaling: {
      settings: ['lr_base_size', 'lr'],
      // timm scales lr_base by itself where lr is left open.
      read: (settings) =>
        numberAt(settings, 'lr') === undefined && !SCALED_BY_ROOT.test(optimizerOf(settings))
          ? { base_batch_size: numberAt(settings, 'lr_base_size') ?? 256 }
          : null,
      write: (options, settings) => ({
        lr_base: rateOf(settings),
        lr_base_size: options.base_batch_size,
        lr: settings.has('lr') ? null : undefined,
      }),
      erase: (settings) => ({ lr: rateOf(settings), ...without('lr_base', 'lr_base_size') }),
    },
    warmup: amount('warmup_epochs', 'epochs', { byDefault: 5 }),
    zero_gamma: choice('model_kwargs.zero_init_last', true, { byDefault: true, off: false }),
    no_bias_decay: unsettled(
      ['weight_decay'],
      (settings) => decayOf(settings) > 0,
      () => l10n.t('timm does so by itself wherever weight_decay is above 0.'),
    ),
    cosine_decay: choice('sched', 'cosine', { byDefault: 'cosine', off: 'step' }),
    label_smoothing: amount('smoothing', 'epsilon', { byDefault: 0.1 }),
    mixup: amount('mixup', 'alpha'),
    cutmix: amount('cutmix', 'alpha'),
    stochastic_depth: amount('drop_path', 'rate'),
    random_erasing: amount('reprob', 'probability'),
    gradient_clipping: amount('clip_grad', 'max_norm'),
    gradient_accumulation: {
      settings: ['grad_accum_steps'],
      read: (settings) => {
        const batches = numberAt(settings, 'grad_accum_steps') ?? 1;
        return batches > 1 ? { batches } : null;
      },
      write: (options) => ({ grad_accum_steps: options.batches }),
      erase: () => without('grad_accum_steps'),
    },
    ema: {
      settings: ['model_ema', 'model_ema_decay'],
      read: (settings) =>
        settings.get('model_ema') === true
          ? { decay: numberAt(settings, 'model_ema_decay') ?? 0.9998 }
          : null,
      write: (options) => ({ model_ema: true, model_ema_decay: options.decay }),
      erase: () => without('model_ema', 'model_ema_decay'),
    },
    mixed_precision: choice('amp', true),
    lamb: choice('opt', 'lamb', { byDefault: 'sgd', off: 'sgd' }),
    lars: choice('opt', 'lars', { byDefault: 'sgd', off: 'sgd' }),
  },
  experiment(settings) {
    const model = modelOf(textAt(settings, 'model') ?? '');
    const optimizer = OURS[optimizerOf(settings)];
    const dataset = textAt(settings, 'dataset') ?? '';
    const batch = numberAt(settings, 'batch_size') ?? 128;
    return {
      parts: {
        data: {
          ...IMAGENET,
          classes: numberAt(settings, 'num_classes') ?? IMAGENET.classes,
          batch_size: batch,
        },
        model: model ?? { name: 'resnet50' },
        optimizer: {
          name: optimizer ?? 'sgd',
          base_lr: rateOf(settings),
          weight_decay: decayOf(settings),
        },
        schedule: { epochs: numberAt(settings, 'epochs') ?? 300 },
      },
      isWhole:
        model !== null &&
        optimizer !== undefined &&
        (dataset === '' || /imagenet|^image_?folder/i.test(dataset)),
    };
  },
};

/** Our optimizer for timm's name; those that are tricks here take the place of SGD. */
const OURS: Readonly<Record<string, string>> = {
  sgd: 'sgd',
  nesterov: 'sgd',
  momentum: 'sgd',
  lamb: 'sgd',
  lars: 'sgd',
  adam: 'adam',
  adamw: 'adamw',
};

function optimizerOf(settings: Settings): string {
  return (textAt(settings, 'opt') ?? 'sgd').toLowerCase();
}

function decayOf(settings: Settings): number {
  return numberAt(settings, 'weight_decay') ?? 2e-5;
}

function rateOf(settings: Settings): number {
  return numberAt(settings, 'lr') ?? numberAt(settings, 'lr_base') ?? 0.1;
}

/** A model that is known here; timm's ResNets have their stride in the 3x3 convolution. */
function modelOf(name: string): object | null {
  const [bare = ''] = name.split('.');
  const known = RESNET_NAMES.find((each) => bare === each || bare === `${each}d`);
  return known ? { name: known, variant: bare === known ? 'B' : 'D' } : null;
}
