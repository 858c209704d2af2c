import * as l10n from '@vscode/l10n';
import { isMapping } from '../../shared/values';
import { type Changes, COMPUTED, type Settings, type TrickMapping } from './mapping';

/** What tricks share in MMPretrain's configs: lists of schedules, hooks and batch augmentations. */

const AUGMENTS = 'model.train_cfg.augments';
export const SCHEDULES = 'param_scheduler';
export const HOOKS = 'custom_hooks';
export const COSINE = 'CosineAnnealingLR';

/** An entry of a list of mappings, such as a schedule or a hook. */
export type Item = Readonly<Record<string, unknown>>;

/** Warmup as MMPretrain's own configs have it; its end is the trick's. */
export const WARMUP: Item = {
  type: 'LinearLR',
  start_factor: 1e-4,
  by_epoch: true,
  begin: 0,
  end: 0,
  convert_to_iter_based: true,
};

/** A trick that is one of the batch augmentations. */
export function augment(type: string): TrickMapping {
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
export function itemsAt(settings: Settings, setting: string): readonly Item[] {
  const value = settings.get(setting);
  if (Array.isArray(value)) return value.map((item) => (isMapping(item) ? item : {}));
  const single = [...settings]
    .filter(([key]) => key.startsWith(`${setting}.`))
    .map(([key, each]) => [key.slice(setting.length + 1), each]);
  return single.length > 0 ? [Object.fromEntries(single)] : [];
}

/** Why a list cannot be added to: it is computed, or is inherited from files that are not read. */
export function listObstacle(settings: Settings, setting: string): string | null {
  const held = [...settings].filter(([key]) => key === setting || key.startsWith(`${setting}.`));
  if (held.some(([, value]) => value === COMPUTED)) return l10n.t('{0} is computed by the file.', setting);
  const base = settings.get('_base_');
  const inherits = base !== undefined && !(Array.isArray(base) && base.length === 0);
  return held.length === 0 && inherits
    ? l10n.t('{0} may come from _base_, which is not read.', setting)
    : null;
}

/** The schedules of the rate: a linear rise, and what else there is. */
export function schedulesOf(settings: Settings): {
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
export function schedulesObstacle(settings: Settings): string | null {
  const { warmup, main } = schedulesOf(settings);
  if (main.length > 1) return l10n.t('{0} has several schedules beside warmup.', SCHEDULES);
  if (![...(warmup ? [warmup] : []), ...main].every(isByEpoch)) {
    return l10n.t('{0} counts iterations, not epochs.', SCHEDULES);
  }
  return listObstacle(settings, SCHEDULES);
}

export function isByEpoch({ by_epoch = true }: Item): boolean {
  return by_epoch === true;
}

/** A cosine takes what warmup leaves of the training; other schedules count from its first epoch all the same. */
export function startingAt(schedule: Item, begin: number): Item {
  const { begin: was = 0, ...rest } = schedule;
  if (rest.type !== COSINE || typeof rest.T_max !== 'number') return schedule;
  const T_max = Number(was) + rest.T_max - begin;
  return begin === 0 ? { ...rest, T_max } : { ...rest, T_max, begin };
}

/** The schedules with another one after warmup. */
export function mainSchedule(settings: Settings, schedule: Item): Changes {
  const { warmup } = schedulesOf(settings);
  const begin = typeof warmup?.end === 'number' ? warmup.end : 0;
  return { [SCHEDULES]: [...(warmup ? [warmup] : []), startingAt(schedule, begin)] };
}

export function isAveraging({ type }: Item): boolean {
  return type === 'EMAHook';
}

/** One less a share, in the digits that it has. */
export function complement(share: number): number {
  return Number((1 - share).toPrecision(6));
}
