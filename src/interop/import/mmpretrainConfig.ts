import { Lines } from '../../experiment/problem';
import type { ResNetVariant } from '../../models/networks/resNet';
import { COMPUTED, numberAt, type Settings, textAt } from '../../tricks/elsewhere/mapping';
import { type Adapter, IMAGENET, mappingsOf } from './adapter';
import { editPython, nearestEntry, plainOf } from './pythonEdits';
import { assignmentsOf, type DictEntry } from './pythonLiterals';

/** Names of which a config of MMPretrain assigns some. */
const TELLING = ['_base_', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'train_cfg', 'default_scope'];

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
  tricks: mappingsOf('mmpretrain'),
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
