import * as l10n from '@vscode/l10n';
import { Lines } from '../../experiment/problem';
import { isMapping } from '../../experiment/values';
import type { ResNetVariant } from '../../models/resNet';
import {
  type Adapter,
  amount,
  type Changes,
  COMPUTED,
  choice,
  IMAGENET,
  numberAt,
  type Settings,
  type TrickMapping,
  textAt,
  without,
} from './adapter';
import { editPython, nearestEntry, plainOf } from './pythonEdits';
import { assignmentsOf, type DictEntry } from './pythonLiterals';

/** Names of which a config of MMPretrain assigns some. */
const TELLING = ['_base_', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'train_cfg', 'default_scope'];

const AUGMENTS = 'model.train_cfg.augments';
const SCHEDULES = 'param_scheduler';
const HOOKS = 'custom_hooks';
const COSINE = 'CosineAnnealingLR';

/** An entry of a list of mappings, such as a schedule or a hook. */
type Item = Readonly<Record<string, unknown>>;

/** Warmup as MMPretrain's own configs have it; its end is the trick's. */
const WARMUP: Item = {
  type: 'LinearLR',
  start_factor: 1e-4,
  by_epoch: true,
  begin: 0,
  end: 0,
  convert_to_iter_based: true,
};

/**
 * A Python config of MMPretrain, read as text and never run: what it writes as plain values is understood, what it
 * computes or takes from `_base_` is left alone.
 */
export const mmpretrainConfig: Adapter = {
  system: 'MMPretrain',
  read(text, fileName) {
    if (!/\.py$/i.test(fileName)) return null;
    const assignments = assignmentsOf(text);
    const told = assignments.filter(({ key }) => TELLING.includes(key));
    if (told.length === 0 || !assignments.some(({ key }) => key === '_base_' || key === 'optim_wrapper')) {
      return null;
    }
    const lines = new Lines(text);
    const first = assignments[0]!;
    const settings = settingsOf(assignments);
    // Configs in Python's own words take their base by imports.
    if (/^with read_base\(\):/m.test(text)) settings.set('_base_', COMPUTED);
    return {
      settings,
      rangeOf: (setting) => {
        const entry = nearestEntry(assignments, setting.split('.'));
        return entry && lines.range(entry.start, entry.start + entry.key.length);
      },
      start: lines.range(first.start, first.start + first.key.length),
      edit: (changes) => editPython(text, changes),
    };
  },
  anchors: {
    'optimizer.base_lr': ['optim_wrapper.optimizer.lr', 'optim_wrapper'],
    'optimizer.weight_decay': ['optim_wrapper.optimizer.weight_decay', 'optim_wrapper'],
    'optimizer.name': ['optim_wrapper.optimizer.type', 'optim_wrapper'],
    optimizer: ['optim_wrapper'],
    'schedule.epochs': ['train_cfg.max_epochs', 'train_cfg'],
    'schedule.decay': ['param_scheduler'],
    'data.batch_size': ['train_dataloader.batch_size', 'train_dataloader'],
    model: ['model.backbone', 'model'],
  },
  tricks: {
    linear_scaling: {
      settings: ['auto_scale_lr.enable', 'auto_scale_lr'],
      read: (settings) =>
        settings.get('auto_scale_lr.enable') === true
          ? { base_batch_size: numberAt(settings, 'auto_scale_lr.base_batch_size') ?? 256 }
          : null,
      write: (options) => ({
        'auto_scale_lr.base_batch_size': options.base_batch_size,
        'auto_scale_lr.enable': true,
      }),
      erase: () => without('auto_scale_lr.enable', 'auto_scale_lr.base_batch_size'),
    },
    zero_gamma: choice('model.backbone.zero_init_residual', true, { byDefault: true, off: false }),
    no_bias_decay: {
      settings: [
        'optim_wrapper.paramwise_cfg.norm_decay_mult',
        'optim_wrapper.paramwise_cfg.bias_decay_mult',
      ],
      read: (settings) =>
        settings.get('optim_wrapper.paramwise_cfg.norm_decay_mult') === 0 &&
        settings.get('optim_wrapper.paramwise_cfg.bias_decay_mult') === 0
          ? {}
          : null,
      write: () => ({
        'optim_wrapper.paramwise_cfg.norm_decay_mult': 0,
        'optim_wrapper.paramwise_cfg.bias_decay_mult': 0,
      }),
      erase: () =>
        without('optim_wrapper.paramwise_cfg.norm_decay_mult', 'optim_wrapper.paramwise_cfg.bias_decay_mult'),
    },
    warmup: {
      settings: [SCHEDULES],
      read: (settings) => {
        const { warmup } = schedulesOf(settings);
        if (!warmup) return null;
        const epochs = isByEpoch(warmup) ? warmup.end : undefined;
        return typeof epochs === 'number' ? { epochs } : {};
      },
      write: (options, settings) => {
        const { warmup, main } = schedulesOf(settings);
        // Epochs are whole here.
        const end = Math.max(1, Math.round(Number(options.epochs)));
        return {
          [SCHEDULES]: [
            warmup ? { ...warmup, end } : { ...WARMUP, end },
            ...main.map((each) => startingAt(each, end)),
          ],
        };
      },
      erase: (settings) => {
        const main = schedulesOf(settings).main.map((each) => startingAt(each, 0));
        return { [SCHEDULES]: main.length > 0 ? main : undefined };
      },
      obstacle: schedulesObstacle,
    },
    cosine_decay: {
      settings: [SCHEDULES],
      read: (settings) => (schedulesOf(settings).main.some(({ type }) => type === COSINE) ? {} : null),
      write: (_, settings) => {
        const epochs = numberAt(settings, 'train_cfg.max_epochs') ?? 0;
        return mainSchedule(settings, { type: COSINE, T_max: epochs, by_epoch: true });
      },
      // The baseline's, at every quarter of the training.
      erase: (settings) => {
        const epochs = numberAt(settings, 'train_cfg.max_epochs') ?? 0;
        const milestones = [1, 2, 3].map((quarter) => Math.round((epochs * quarter) / 4));
        return mainSchedule(settings, { type: 'MultiStepLR', by_epoch: true, milestones, gamma: 0.1 });
      },
      obstacle: (settings) =>
        numberAt(settings, 'train_cfg.max_epochs') === undefined
          ? l10n.t('{0} is not in the file.', 'train_cfg.max_epochs')
          : schedulesObstacle(settings),
    },
    ema: {
      settings: [HOOKS],
      read: (settings) => {
        const hook = itemsAt(settings, HOOKS).find(isAveraging);
        return hook ? { decay: complement(typeof hook.momentum === 'number' ? hook.momentum : 2e-4) } : null;
      },
      write: (options, settings) => {
        const hooks = itemsAt(settings, HOOKS);
        const momentum = complement(Number(options.decay));
        return {
          [HOOKS]: hooks.some(isAveraging)
            ? hooks.map((hook) => (isAveraging(hook) ? { ...hook, momentum } : hook))
            : [...hooks, { type: 'EMAHook', momentum, priority: 'ABOVE_NORMAL' }],
        };
      },
      erase: (settings) => {
        const rest = itemsAt(settings, HOOKS).filter((hook) => !isAveraging(hook));
        return { [HOOKS]: rest.length > 0 ? rest : undefined };
      },
      obstacle: (settings) => listObstacle(settings, HOOKS),
    },
    label_smoothing: {
      settings: ['model.head.loss.label_smooth_val', 'model.head.loss'],
      read: (settings) =>
        textAt(settings, 'model.head.loss.type') === 'LabelSmoothLoss'
          ? { epsilon: numberAt(settings, 'model.head.loss.label_smooth_val') ?? 0.1 }
          : null,
      write: (options) => ({
        'model.head.loss.type': 'LabelSmoothLoss',
        'model.head.loss.label_smooth_val': options.epsilon,
      }),
      erase: () => without('model.head.loss.type', 'model.head.loss.label_smooth_val'),
    },
    mixup: augment('Mixup'),
    cutmix: augment('CutMix'),
    stochastic_depth: amount('model.backbone.drop_path_rate', 'rate'),
    gradient_clipping: amount('optim_wrapper.clip_grad.max_norm', 'max_norm'),
    gradient_accumulation: {
      settings: ['optim_wrapper.accumulative_counts'],
      read: (settings) => {
        const batches = numberAt(settings, 'optim_wrapper.accumulative_counts') ?? 1;
        return batches > 1 ? { batches } : null;
      },
      write: (options) => ({ 'optim_wrapper.accumulative_counts': options.batches }),
      erase: () => without('optim_wrapper.accumulative_counts'),
    },
    mixed_precision: {
      settings: ['optim_wrapper.type', 'optim_wrapper'],
      read: (settings) => (textAt(settings, 'optim_wrapper.type') === 'AmpOptimWrapper' ? {} : null),
      write: (options) => ({
        'optim_wrapper.type': 'AmpOptimWrapper',
        'optim_wrapper.loss_scale': options.loss_scale,
      }),
      erase: () => without('optim_wrapper.type', 'optim_wrapper.loss_scale'),
    },
  },
  experiment(settings, fileName) {
    const depth = numberAt(settings, 'model.backbone.depth');
    const variant = VARIANTS[textAt(settings, 'model.backbone.type') ?? ''];
    const optimizer = { SGD: 'sgd', Adam: 'adam', AdamW: 'adamw' }[
      textAt(settings, 'optim_wrapper.optimizer.type') ?? ''
    ];
    const rate = numberAt(settings, 'optim_wrapper.optimizer.lr');
    const decay = numberAt(settings, 'optim_wrapper.optimizer.weight_decay');
    const epochs = numberAt(settings, 'train_cfg.max_epochs');
    const batch = batchOf(settings, fileName);
    const isResNet = variant !== undefined && depth !== undefined && [18, 34, 50, 101, 152].includes(depth);
    return {
      parts: {
        data: { ...IMAGENET, batch_size: batch ?? 256 },
        model: isResNet ? { name: `resnet${depth}`, variant } : { name: 'resnet50', variant: 'B' },
        optimizer: {
          name: optimizer ?? 'sgd',
          base_lr: rate ?? 0.1,
          weight_decay: decay ?? 1e-4,
        },
        schedule: { epochs: epochs ?? 100 },
      },
      isWhole:
        isResNet &&
        ![optimizer, rate, decay, epochs, batch].includes(undefined) &&
        ![...settings.values()].includes(COMPUTED),
    };
  },
};

/** MMPretrain's ResNet has its stride in the 3x3 convolution (style 'pytorch'). */
const VARIANTS: Readonly<Record<string, ResNetVariant>> = { ResNet: 'B', ResNetV1c: 'C', ResNetV1d: 'D' };

/** Images in a step: by the file's name, such as resnet50_8xb32_in1k.py, 8 processes of 32. */
function batchOf(settings: Settings, fileName: string): number | undefined {
  const [, processes, images] = /(\d+)xb(\d+)/.exec(fileName) ?? [];
  const written = numberAt(settings, 'train_dataloader.batch_size');
  if (processes === undefined) return undefined;
  return Number(processes) * (written ?? Number(images));
}

/** A trick that is one of the batch augmentations. */
function augment(type: string): TrickMapping {
  const isOther = (each: Item) => each.type !== type;
  const listed = (settings: Settings) => itemsAt(settings, AUGMENTS);
  return {
    settings: [AUGMENTS, 'model.train_cfg', 'model'],
    read: (settings) => {
      const found = listed(settings).find((each) => !isOther(each));
      return found ? { alpha: Number(found.alpha ?? 1) } : null;
    },
    write: (options, settings) => ({
      [AUGMENTS]: [...listed(settings).filter(isOther), { type, alpha: options.alpha }],
    }),
    erase: (settings) => {
      const rest = listed(settings).filter(isOther);
      return { [AUGMENTS]: rest.length > 0 ? rest : undefined };
    },
  };
}

/** What a list of mappings holds; one mapping may stand for a list of it. */
function itemsAt(settings: Settings, setting: string): readonly Item[] {
  const value = settings.get(setting);
  if (Array.isArray(value)) return value.map((item) => (isMapping(item) ? item : {}));
  const single = [...settings]
    .filter(([key]) => key.startsWith(`${setting}.`))
    .map(([key, each]) => [key.slice(setting.length + 1), each]);
  return single.length > 0 ? [Object.fromEntries(single)] : [];
}

/** Why a list cannot be added to: it is computed, or is inherited from files that are not read. */
function listObstacle(settings: Settings, setting: string): string | null {
  const held = [...settings].filter(([key]) => key === setting || key.startsWith(`${setting}.`));
  if (held.some(([, value]) => value === COMPUTED)) return l10n.t('{0} is computed by the file.', setting);
  const base = settings.get('_base_');
  const inherits = base !== undefined && !(Array.isArray(base) && base.length === 0);
  return held.length === 0 && inherits
    ? l10n.t('{0} may come from _base_, which is not read.', setting)
    : null;
}

/** The schedules of the rate: a linear rise, and what else there is. */
function schedulesOf(settings: Settings): {
  readonly warmup: Item | undefined;
  readonly main: readonly Item[];
} {
  const schedules = itemsAt(settings, SCHEDULES);
  const warmup = schedules.find(
    ({ type, start_factor = 1 / 3, end_factor = 1 }) =>
      type === 'LinearLR' && Number(start_factor) < Number(end_factor),
  );
  return { warmup, main: schedules.filter((each) => each !== warmup) };
}

/** Schedules that can be edited are plain data, at most one beside warmup, and counted in epochs. */
function schedulesObstacle(settings: Settings): string | null {
  const { warmup, main } = schedulesOf(settings);
  if (main.length > 1) return l10n.t('{0} has several schedules beside warmup.', SCHEDULES);
  if (![...(warmup ? [warmup] : []), ...main].every(isByEpoch)) {
    return l10n.t('{0} counts iterations, not epochs.', SCHEDULES);
  }
  return listObstacle(settings, SCHEDULES);
}

function isByEpoch({ by_epoch = true }: Item): boolean {
  return by_epoch === true;
}

/** A cosine takes what warmup leaves of the training; other schedules count from its first epoch all the same. */
function startingAt(schedule: Item, begin: number): Item {
  const { begin: was = 0, ...rest } = schedule;
  if (rest.type !== COSINE || typeof rest.T_max !== 'number') return schedule;
  const T_max = Number(was) + rest.T_max - begin;
  return begin === 0 ? { ...rest, T_max } : { ...rest, T_max, begin };
}

/** The schedules with another one after warmup. */
function mainSchedule(settings: Settings, schedule: Item): Changes {
  const { warmup } = schedulesOf(settings);
  const begin = typeof warmup?.end === 'number' ? warmup.end : 0;
  return { [SCHEDULES]: [...(warmup ? [warmup] : []), startingAt(schedule, begin)] };
}

function isAveraging({ type }: Item): boolean {
  return type === 'EMAHook';
}

/** One less a share, in the digits that it has. */
function complement(share: number): number {
  return Number((1 - share).toPrecision(6));
}

function settingsOf(assignments: readonly DictEntry[]): Map<string, unknown> {
  const settings = new Map<string, unknown>();
  const add = (above: string, { key, value }: DictEntry) => {
    const name = above === '' ? key : `${above}.${key}`;
    if (value.kind === 'dict') for (const entry of value.entries) add(name, entry);
    else settings.set(name, plainOf(value));
  };
  for (const assignment of assignments) add('', assignment);
  return settings;
}
