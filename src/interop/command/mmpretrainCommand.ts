import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { isMapping, valueAt, withValue } from '../../shared/values';
import { type Changes, COMPUTED, type Settings } from '../../tricks/elsewhere/mapping';
import { type Adapter, flattened, type ReadText } from '../import/adapter';
import { type FlagTable, type ReadFlag, readFlags } from '../import/argparse';
import { many, pairs, text, toggle } from '../import/flagTypes';
import { mmpretrainConfig } from '../import/mmpretrainConfig';
import { mmpretrainArguments } from '../import/mmpretrainLaunch';
import { joinedPath } from '../import/paths';
import type { ShellWord } from '../import/shell';
import {
  type CommandPlace,
  type EditedCommand,
  launchOfScript,
  noScript,
  type OpenCommand,
  optionAt,
  type RejectedCommand,
} from './knownCommand';

/** The options of MMPretrain's tools/train.py, release 1.2. */
const TABLE: FlagTable = {
  positional: 'config',
  flags: {
    config: text(null),
    'work-dir': text(null),
    resume: { ...text(null), count: 'optional' },
    amp: toggle(),
    'no-validate': toggle(),
    'auto-scale-lr': toggle(),
    'no-pin-memory': toggle(),
    'no-persistent-workers': toggle(),
    'cfg-options': many(pairs(), 'some'),
    launcher: text('none', { choices: ['none', 'pytorch', 'slurm', 'mpi'] }),
    'local-rank': { ...text(0), also: ['--local_rank'] },
  },
};

const OPTIONS = 'cfg-options';

/** The settings for which a single mapping means a list of it. */
const SINGLE = ['model.train_cfg.augments', 'param_scheduler'];

/** Reads a call of MMPretrain's tools/train.py: the settings of its config, under those of `--cfg-options`. */
export function openMmpretrain(words: readonly string[], place: CommandPlace): OpenCommand | RejectedCommand {
  const asWords = words.map(
    (value, at): ShellWord => ({ start: at, end: at + 1, raw: value, value, isSplit: false }),
  );
  const args = argumentsOf(asWords, place.environment);
  if (!args) return noScript('MMPretrain');
  const read = readFlags(args, TABLE);
  const config = read?.flags.find(({ setting }) => setting === 'config')?.value;
  if (!read || typeof config !== 'string') {
    return {
      rejected: l10n.t("The arguments are not those of MMPretrain's train.py."),
      remedy: l10n.t('Write them as {0}.', 'tools/train.py config.py --cfg-options key=value'),
    };
  }
  const path = joinedPath(joinedPath(place.fileName, `${place.workingDirectory}/_`), config);
  const base = configSettings(path, config, place.readText);
  const given = givenSettings(read.flags);
  const settings = overlaid(base, given);
  return {
    settings,
    optionAt: (setting) => givenAt(read.flags, given, setting),
    edited: (changes) => edited(words, read.flags, base, changes),
    tricks: mmpretrainConfig.tricks as Adapter['tricks'],
    experiment: () => mmpretrainConfig.experiment(settings, config),
  };
}

/** Returns the arguments of train.py, null if the command does not start it. */
function argumentsOf(
  words: readonly ShellWord[],
  environment: CommandPlace['environment'],
): readonly ShellWord[] | null {
  return mmpretrainArguments(words) ?? launchOfScript(words, environment)?.args ?? null;
}

/** Returns the settings of a config. If it cannot be read, every setting may have any value. */
function configSettings(path: string, written: string, readText: ReadText): Settings {
  const read = readText(path);
  const file = read === null ? null : mmpretrainConfig.read(read, path, readText);
  const why =
    read === null
      ? l10n.t('The config {0} cannot be read.', written)
      : file === null
        ? l10n.t('{0} is no MMPretrain config that can be read.', written)
        : 'unread' in file
          ? file.unread
          : null;
  if (file && 'settings' in file) return file.settings;
  return Object.assign(new Map<string, unknown>(), { absentBecause: () => why });
}

/** Returns the settings that the command's options set, by their full names. */
function givenSettings(flags: readonly ReadFlag[]): Map<string, unknown> {
  const given = new Map<string, unknown>();
  for (const { setting } of flags) {
    // In the order of train.py: --cfg-options come last.
    if (setting === 'amp') {
      given.set('optim_wrapper.type', 'AmpOptimWrapper');
      given.set('optim_wrapper.loss_scale', 'dynamic');
    }
    if (setting === 'auto-scale-lr') given.set('auto_scale_lr.enable', true);
  }
  for (const { setting, value } of flags) {
    if (setting !== OPTIONS || !isMapping(value)) continue;
    for (const [key, each] of Object.entries(value)) given.set(key, booleanOf(each));
  }
  return given;
}

/** MMEngine reads true and false in any case. */
function booleanOf(value: unknown): unknown {
  if (typeof value !== 'string' || !/^(?:true|false)$/i.test(value)) return value;
  return value.toLowerCase() === 'true';
}

/** Merges settings into those of a config as MMEngine's `merge_from_dict` does. */
function overlaid(base: Settings, given: ReadonlyMap<string, unknown>): Settings {
  const merged = new Map<string, unknown>(base);
  for (const [key, value] of given) {
    const list = listAbove(merged, key);
    if (list) {
      const [at, ...rest] = key.slice(list.length + 1).split('.');
      const items = merged.get(list);
      merged.set(list, withValue(items, [Number(at), ...rest], value));
      continue;
    }
    for (const known of [...merged.keys()]) {
      if (known === key || known.startsWith(`${key}.`) || key.startsWith(`${known}.`)) merged.delete(known);
    }
    merged.set(key, value);
  }
  return Object.assign(merged, {
    absentBecause: (setting: string) => base.absentBecause?.(setting) ?? null,
    // For the command, everything in the config is inherited.
    inherited: (setting: string) => valueIn(base, setting),
  });
}

/** Returns the list that a key such as `param_scheduler.0.end` changes an item of. */
function listAbove(settings: ReadonlyMap<string, unknown>, key: string): string | undefined {
  return [...settings.keys()].find(
    (known) =>
      key.startsWith(`${known}.`) &&
      Array.isArray(settings.get(known)) &&
      /^\d+\./.test(key.slice(known.length + 1)),
  );
}

/** Returns the value of a setting, as a mapping if it has settings below it. */
function valueIn(settings: Settings, setting: string): unknown {
  if (settings.has(setting)) return settings.get(setting);
  const below = [...settings].filter(([key]) => key.startsWith(`${setting}.`));
  if (below.length === 0) return undefined;
  return below.reduce<unknown>(
    (value, [key, each]) => withValue(value, key.slice(setting.length + 1).split('.'), each),
    {},
  );
}

function givenAt(
  flags: readonly ReadFlag[],
  given: ReadonlyMap<string, unknown>,
  setting: string,
): ReturnType<OpenCommand['optionAt']> {
  if (Object.hasOwn(TABLE.flags, setting)) return optionAt(flags, setting);
  const key = [...given.keys()].find(
    (each) => each === setting || each.startsWith(`${setting}.`) || setting.startsWith(`${each}.`),
  );
  if (key === undefined) return null;
  const written = optionAt(flags, `${OPTIONS}.${key}`);
  if (written) return { option: `--${OPTIONS} ${key}`, value: given.get(key) };
  return { option: key.startsWith('auto_scale_lr') ? '--auto-scale-lr' : '--amp', value: given.get(key) };
}

/** Writes changes as `--cfg-options`, next to those that are there. */
function edited(
  words: readonly string[],
  flags: readonly ReadFlag[],
  base: Settings,
  changes: Changes,
): EditedCommand {
  const pairsOf: [string, string][] = [];
  for (const [setting, value] of Object.entries(changes)) {
    const expressed = expressedAs(setting, value, base);
    if (typeof expressed === 'string') return { ok: false, reason: expressed };
    pairsOf.push(...expressed);
  }
  const kept = [...words];
  const added: string[] = [];
  const last = flags.findLast(({ setting }) => setting === OPTIONS);
  for (const [key, value] of pairsOf) {
    const there = last?.values.find((word) => word.value?.startsWith(`${key}=`));
    if (there) kept[there.start] = `${key}=${value}`;
    else added.push(`${key}=${value}`);
  }
  if (added.length === 0) return { ok: true, words: kept };
  const end = last?.values.at(-1)?.end;
  if (end !== undefined) return { ok: true, words: [...kept.slice(0, end), ...added, ...kept.slice(end)] };
  return { ok: true, words: [...kept, `--${OPTIONS}`, ...added] };
}

/** Returns the `key=value` pairs that set a setting, or why there are none. */
function expressedAs(setting: string, value: unknown, base: Settings): [string, string][] | string {
  const before = valueIn(base, setting);
  if (value === undefined) {
    return before === undefined
      ? []
      : l10n.t('--cfg-options cannot remove {0}. Change the config instead.', setting);
  }
  const held = setting
    .split('.')
    .slice(0, -1)
    .map((_, at, parts) => parts.slice(0, at + 1).join('.'))
    .find((above) => base.has(above) && !isListKey(base.get(above), setting.slice(above.length + 1)));
  if (held !== undefined) {
    return l10n.t('--cfg-options cannot set {0}, because {1} is no mapping.', setting, held);
  }
  if (isMapping(value)) return all(Object.entries(value), setting, base);
  if (!Array.isArray(value)) {
    const word = wordOf(value);
    return word === null
      ? l10n.t('--cfg-options cannot express the value of {0}.', setting)
      : [[setting, word]];
  }
  if (!value.some(isMapping)) {
    const words = value.map(wordOf);
    return words.includes(null) || value.length === 0
      ? l10n.t('--cfg-options cannot express the value of {0}.', setting)
      : [[setting, `[${words.join(',')}]`]];
  }
  return listAs(setting, value, before, base);
}

function isListKey(value: unknown, rest: string): boolean {
  return Array.isArray(value) && /^\d+\./.test(rest);
}

function all(
  entries: readonly (readonly [string, unknown])[],
  above: string,
  base: Settings,
): [string, string][] | string {
  const found: [string, string][] = [];
  for (const [key, value] of entries) {
    const expressed = expressedAs(`${above}.${key}`, value, base);
    if (typeof expressed === 'string') return expressed;
    found.push(...expressed);
  }
  return found;
}

/** Expresses a list of mappings: as changes of the items that are there, or as its only item. */
function listAs(
  setting: string,
  value: readonly unknown[],
  before: unknown,
  base: Settings,
): [string, string][] | string {
  const impossible = l10n.t(
    '--cfg-options cannot write the list {0}. Write it in the config instead.',
    setting,
  );
  const [only] = value;
  if (before === undefined && value.length === 1 && isMapping(only) && SINGLE.includes(setting)) {
    return all(Object.entries(only), setting, base);
  }
  const items = Array.isArray(before) ? before : [];
  if (items.length !== value.length || value.length === 0) return impossible;
  const changes: [string, unknown][] = [];
  for (const [at, item] of value.entries()) {
    const was: unknown = items[at];
    if (isDeepStrictEqual(item, was)) continue;
    if (!isMapping(item) || !isMapping(was) || Object.keys(was).some((key) => !(key in item)))
      return impossible;
    if (item.type !== was.type || Object.values(was).includes(COMPUTED)) return impossible;
    for (const [path, each] of flattened(item)) {
      if (!isDeepStrictEqual(valueAt(was, path.split('.')), each)) changes.push([`${at}.${path}`, each]);
    }
  }
  return all(changes, setting, base);
}

/** Returns a plain value as MMEngine's parser reads it, null if it cannot. */
function wordOf(value: unknown): string | null {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  const isText = typeof value === 'string' && /^[A-Za-z_][\w./-]*$/.test(value);
  return isText && !/^(?:true|false|none|nan|inf(?:inity)?)$/i.test(value) ? value : null;
}
