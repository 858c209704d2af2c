import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { isMapping } from '../../shared/values';
import {
  amount,
  type Changes,
  COMPUTED,
  type Settings,
  settingAt,
  type TrickMapping,
  textAt,
  UnknownHere,
} from './mapping';

/** Shared by the tricks in MMPretrain's configs: lists of schedules, hooks and batch augmentations. */

const TRAIN_CFG = 'model.train_cfg';
const AUGMENTS = `${TRAIN_CFG}.augments`;
export const SCHEDULES = 'param_scheduler';
export const HOOKS = 'custom_hooks';
export const COSINE = 'CosineAnnealingLR';

/** An entry of a list of mappings, such as a schedule or a hook. */
export type Item = Readonly<Record<string, unknown>>;

/** The warmup of MMPretrain's own configs. The trick sets its end. */
export const WARMUP: Item = {
  type: 'LinearLR',
  start_factor: 1e-4,
  by_epoch: true,
  begin: 0,
  end: 0,
  convert_to_iter_based: true,
};

/** Maps a trick that is one of the batch augmentations. */
export function augment(type: string): TrickMapping {
  const isOther = (each: Item) => typeOf(each) !== type;
  return {
    settings: [AUGMENTS, TRAIN_CFG, 'model'],
    read: (settings) => {
      const found = augments(settings).find((each) => !isOther(each));
      if (!found) return null;
      if (typeof found.alpha !== 'number') throw new UnknownHere(l10n.t('{0} has no alpha.', type));
      return { alpha: found.alpha };
    },
    write: (options, settings) => {
      const listed = augments(settings);
      const { alpha } = options;
      return {
        [AUGMENTS]: listed.every(isOther)
          ? [...listed, { type: scoped(settings, type), alpha }]
          : listed.map((each) => (isOther(each) ? each : { ...each, alpha })),
      };
    },
    erase: (settings) => {
      const rest = augments(settings).filter(isOther);
      return { [AUGMENTS]: rest.length > 0 ? rest : undefined };
    },
    obstacle: (settings) =>
      (settingAt(settings, `${TRAIN_CFG}.probs`) ?? null) === null
        ? null
        : l10n.t('{0} sets a probability for each augmentation.', `${TRAIN_CFG}.probs`),
  };
}

function augments(settings: Settings): readonly Item[] {
  for (const place of ['data_preprocessor.batch_augments', 'model.data_preprocessor.batch_augments']) {
    if ([...settings.keys()].some((key) => key === place || key.startsWith(`${place}.`))) {
      throw new UnknownHere(l10n.t('{0} replaces {1}.', place, TRAIN_CFG));
    }
  }
  return itemsAt(settings, AUGMENTS);
}

/** Whether images are mixed, so that the loss gets soft labels. */
export function mixes(settings: Settings): boolean {
  return augments(settings).some((each) => ['Mixup', 'CutMix', 'ResizeMix'].includes(typeOf(each) ?? ''));
}

/** Removes the registry prefix of MMPretrain, or of a package that it builds on, from a type. */
function bareType(type: string): string {
  return type.replace(/^(?:mmpretrain|mmcls|mmengine)\./, '');
}

export function typeOf({ type }: Item): string | undefined {
  return typeof type === 'string' ? bareType(type) : undefined;
}

export function typeAt(settings: Settings, setting: string): string | undefined {
  const type = textAt(settings, setting);
  return type === undefined ? undefined : bareType(type);
}

/** Returns the name of an MMPretrain type for use in the file. Configs with imported classes have no default scope. */
export function scoped(settings: Settings, type: string): string {
  const model = settings.get('model.type');
  const isScoped = typeof model === 'string' && model.startsWith('mmpretrain.');
  return isScoped || settings.get('default_scope') === null ? `mmpretrain.${type}` : type;
}

/** Returns the changes that remove a setting, or set it to `off` if the file inherits it. */
export function takenOut(settings: Settings, setting: string, off: unknown): Changes {
  return { [setting]: settings.inherited?.(setting) === undefined ? undefined : off };
}

/** Works like `amount`, but writes the value `off` if the file inherits another one. */
export function amountOrOff(setting: string, option: string, off: number): TrickMapping {
  return { ...amount(setting, option), erase: (settings) => takenOut(settings, setting, off) };
}

/**
 * Returns the items of a list of mappings. A single mapping counts as a list of one. Throws `UnknownHere` if the file
 * does not determine it.
 */
export function itemsAt(settings: Settings, setting: string): readonly Item[] {
  const single = [...settings]
    .filter(([key]) => key.startsWith(`${setting}.`))
    .map(([key, each]) => [key.slice(setting.length + 1), each] as const);
  if (single.length === 0) {
    const value = settingAt(settings, setting);
    return Array.isArray(value) ? value.map((item) => (isMapping(item) ? item : {})) : [];
  }
  const computed = single.find(([, value]) => value === COMPUTED);
  if (computed) throw new UnknownHere(l10n.t('The file computes {0}.', `${setting}.${computed[0]}`));
  const more = settings.absentBecause?.(`${setting}.${'any'}`) ?? null;
  if (more !== null) throw new UnknownHere(more);
  return [Object.fromEntries(single)];
}

/** Returns the learning rate schedules: a linear warmup, and the others. */
export function schedulesOf(settings: Settings): Schedules {
  return sorted(itemsAt(settings, SCHEDULES));
}

interface Schedules {
  readonly warmup: Item | undefined;
  readonly main: readonly Item[];
}

function sorted(schedules: readonly Item[]): Schedules {
  const warmup = schedules.find((each) => {
    const { start_factor = 1 / 3, end_factor = 1 } = each;
    return typeOf(each) === 'LinearLR' && Number(start_factor) < Number(end_factor);
  });
  return { warmup, main: schedules.filter((each) => each !== warmup) };
}

/** Returns the schedules that the file would have without its own, null if it inherits none. */
export function inheritedSchedules(settings: Settings): Schedules | null {
  const value = settings.inherited?.(SCHEDULES);
  const items = Array.isArray(value) ? value : isMapping(value) ? [value] : [];
  return items.length > 0 && items.every(isMapping) ? sorted(items) : null;
}

/** Returns the changes that set other schedules. Leaves them out of the file if they equal the inherited ones. */
export function otherSchedules(settings: Settings, schedules: readonly Item[]): Changes {
  const inherited = settings.inherited?.(SCHEDULES);
  if (schedules.length === 0) return takenOut(settings, SCHEDULES, []);
  const isInherited = schedules.length === 1 && isDeepStrictEqual(schedules[0], inherited);
  return { [SCHEDULES]: isInherited ? inherited : schedules };
}

/**
 * Returns why the schedules cannot be edited. They must be plain data, at most one besides warmup, and counted in
 * epochs.
 */
export function schedulesObstacle(settings: Settings): string | null {
  const { warmup, main } = schedulesOf(settings);
  if (main.length > 1) return l10n.t('{0} has several schedules in addition to warmup.', SCHEDULES);
  if (![...(warmup ? [warmup] : []), ...main].every(isByEpoch)) {
    return l10n.t('{0} counts iterations, not epochs.', SCHEDULES);
  }
  return null;
}

export function isByEpoch({ by_epoch = true }: Item): boolean {
  return by_epoch === true;
}

/**
 * Moves the start of a schedule. A cosine covers the epochs after warmup. Other schedules always count from the first
 * epoch.
 */
export function startingAt(schedule: Item, begin: number): Item {
  const { begin: was = 0, ...rest } = schedule;
  if (typeOf(rest) !== COSINE) return schedule;
  const starts = begin === 0 ? {} : { begin };
  // Without T_max it covers all remaining epochs.
  return typeof rest.T_max === 'number'
    ? { ...rest, T_max: Number(was) + rest.T_max - begin, ...starts }
    : { ...rest, ...starts };
}

/** Returns the changes that replace the schedule after warmup. */
export function mainSchedule(settings: Settings, schedule: Item): Changes {
  const { warmup } = schedulesOf(settings);
  const begin = typeof warmup?.end === 'number' ? warmup.end : 0;
  return otherSchedules(settings, [...(warmup ? [warmup] : []), startingAt(schedule, begin)]);
}

export function isCosine(schedule: Item): boolean {
  return typeOf(schedule) === COSINE;
}

export function isAveraging(hook: Item): boolean {
  return typeOf(hook) === 'EMAHook';
}

/** Returns 1 - share, without floating-point noise. */
export function complement(share: number): number {
  return Number((1 - share).toPrecision(6));
}
