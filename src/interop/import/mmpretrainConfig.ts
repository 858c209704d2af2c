import { Lines } from '../../experiment/problem';
import { COMPUTED, type Settings } from '../../tricks/elsewhere/mapping';
import { type Adapter, mappingsOf, type ReadText } from './adapter';
import { type MmengineConfig, readConfig } from './mmengineConfig';
import { editConfig } from './mmengineEdits';
import { mmpretrainExperiment } from './mmpretrainExperiment';
import { writtenEntry } from './pythonEdits';
import { entryAt, type PyDict, plainOf } from './pythonValues';

/** Words of which every MMPretrain config has at least one, and few other files have any. */
const TELLING =
  /\b(?:_base_|read_base|optim_wrapper|param_scheduler|auto_scale_lr|train_cfg|default_scope)\b/;

/**
 * MMPretrain's Python configs, read as text and never run. Plain values are understood, and so are values inherited
 * from the files it names.
 */
export const mmpretrainConfig: Adapter = {
  system: 'MMPretrain',
  read(text, fileName, readText) {
    if (!/\.py$/i.test(fileName) || !TELLING.test(text)) return null;
    const kept = keeping(readText);
    const config = readConfig(text, fileName, kept);
    const configs = new Map([[text, config]]);
    const read = (each: string) => {
      const found = configs.get(each) ?? readConfig(each, fileName, kept);
      configs.set(each, found);
      return found;
    };
    if (!config || !isMmpretrains(config)) return null;
    const { names, first } = config.module;
    const lines = new Lines(text);
    const start = first ?? { start: 0, keyEnd: 0 };
    return {
      settings: settingsOf(config),
      rangeOf: (setting) => {
        const slot = writtenEntry(names, setting.split('.'))?.slot;
        return slot ? lines.range(slot.start, slot.keyEnd) : null;
      },
      start: lines.range(start.start, start.keyEnd),
      edit: (changes) => editConfig(text, changes, read),
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
  experiment: mmpretrainExperiment,
};

/** Reads each file only once while an edit is computed. */
function keeping(readText: ReadText): ReadText {
  const texts = new Map<string, string | null>();
  return (path) => {
    if (!texts.has(path)) texts.set(path, readText(path));
    return texts.get(path) ?? null;
  };
}

/** Bases that only MMPretrain has. */
const OWN_BASES =
  /^(?:mmpretrain|mmcls)::|_base_\/(?:datasets\/(?:imagenet|cifar|cub)|schedules\/(?:imagenet|cifar|cub))/;

/**
 * Whether an MMEngine config is an MMPretrain config for classification. Other systems have configs of the same form.
 * False in doubt.
 */
function isMmpretrains({ module, merged, basePaths }: MmengineConfig): boolean {
  const textAt = (...path: string[]) => {
    const entry = entryAt(merged, path);
    return entry ? plainOf(entry.value) : undefined;
  };
  const scope = textAt('default_scope');
  const model = textAt('model', 'type');
  const modules = module.imports.map((each) => each.module);
  const isOther = (name: string) =>
    /^mm\w+/.test(name) && !/^mm(?:pretrain|cls|engine|cv)(?![a-z])/.test(name);
  if ([...modules, ...basePaths.filter((path) => path.includes('::'))].some(isOther)) return false;
  if (typeof scope === 'string' && !['mmpretrain', 'mmcls'].includes(scope)) return false;
  if (model === COMPUTED) return false;
  if (model !== undefined) return /^(?:(?:mmpretrain|mmcls)\.)?ImageClassifier$/.test(String(model));
  return (
    typeof scope === 'string' ||
    basePaths.some((path) => OWN_BASES.test(path)) ||
    modules.some(
      (name) =>
        /^(?:mmpretrain|mmcls)(?:\.|$)/.test(name) ||
        /_base_\.(?:datasets|schedules)\.(?:imagenet|cifar|cub)/.test(name),
    )
  );
}

function settingsOf(config: MmengineConfig): Settings {
  const settings = new Map(flattened(config.merged));
  return Object.assign(settings, {
    absentBecause: (setting: string) => absentBecause(config.merged, setting.split('.')),
    inherited: (setting: string) => {
      const entry = entryAt(config.base, setting.split('.'));
      return entry && plainOf(entry.value);
    },
  });
}

/** Returns why a part may exist although it is not visible: a mapping above it is not fully known. */
function absentBecause(root: PyDict, path: readonly string[]): string | null {
  let at: PyDict = root;
  for (const key of path) {
    const entry = at.entries.get(key);
    if (!entry) return at.open;
    if (entry.value.kind !== 'dict') return null;
    at = entry.value;
  }
  return null;
}

function flattened(dict: PyDict, above = ''): [string, unknown][] {
  return [...dict.entries].flatMap(([key, { value }]): [string, unknown][] => {
    // A key with a dot must not look like a path.
    const part = /^[\w-]*$/.test(key) ? key : JSON.stringify(key);
    const name = above === '' ? part : `${above}.${part}`;
    if (value.kind === 'dict' && !value.isSpoilt) return flattened(value, name);
    return value.kind === 'class' && above === '' ? [] : [[name, plainOf(value)]];
  });
}
