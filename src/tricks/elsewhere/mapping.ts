import * as l10n from '@vscode/l10n';

/** Value of a setting that the file computes, so that it is unknown without running the file. */
export const COMPUTED = Symbol('computed');

/** The settings that a file writes, by the system's own names. Dots separate nested keys. */
export interface Settings extends ReadonlyMap<string, unknown> {
  /**
   * Returns why a setting that is not in the file may still have any value, for example one inherited from a file that
   * was not read. Null if the system's default applies.
   */
  absentBecause?(setting: string): string | null;
  /** Number of training processes over all machines. Missing if files of this kind do not say. */
  readonly processes?: Known<number>;
  /**
   * Returns the value that a setting would have if it were not in the file, undefined if the system's default applies.
   */
  inherited?(setting: string): unknown;
}

/** Settings to write. `undefined` removes one. */
export type Changes = Readonly<Record<string, unknown>>;

/** Thrown if a setting's value cannot be known from the file. Everything that depends on it is unknown, too. */
export class UnknownHere extends Error {
  override readonly name = 'UnknownHere';

  /** `why` is a sentence for the owner of the file. */
  constructor(readonly why: string) {
    super(why);
  }
}

/** A value, or why the file does not determine it. */
export type Known<Value> = { readonly known: true; readonly value: Value } | Unknown;
export interface Unknown {
  readonly known: false;
  /** The reason, as a sentence. */
  readonly why: string;
}

/** Returns the result of `read`, or why it is unknown. */
export function known<Value>(read: () => Value): Known<Value> {
  try {
    return { known: true, value: read() };
  } catch (error) {
    if (error instanceof UnknownHere) return { known: false, why: error.why };
    throw error;
  }
}

/** The numbers of a training that a file determines. */
export interface Told {
  /** Images per step, over all processes, without accumulation. */
  readonly batchSize: Known<number>;
  readonly epochs: Known<number>;
}

/** How another system's files write a trick. */
export interface TrickMapping {
  /** The settings that express it. Its lens is at the first. */
  readonly settings: readonly string[];
  /**
   * Returns its options if the settings enable it, else null. Throws `UnknownHere` if the file does not determine that.
   */
  read(settings: Settings): Readonly<Record<string, unknown>> | null;
  /** The options that the file can express, if these are not all that `read` returns. */
  readonly settable?: readonly string[];
  /**
   * Returns the options with separate settings, if the trick is in. Throws `UnknownHere` if the file does not determine
   * them: then the trick is in, and its effect is unknown.
   */
  more?(settings: Settings): Readonly<Record<string, unknown>>;
  /** Returns the changes that insert it. */
  write(options: Readonly<Record<string, unknown>>, settings: Settings): Changes;
  /** Returns the changes that remove it. */
  erase(settings: Settings): Changes;
  /** Whether the system has it for what the file trains, if that varies. Throws `UnknownHere`. */
  fits?(settings: Settings): boolean;
  /**
   * Returns its effect in numbers, if the system implements it differently from us. Null if the file does not determine
   * it. Throws `UnknownHere`.
   */
  effect?(options: Readonly<Record<string, unknown>>, settings: Settings, told: Told): string | null;
  /** Returns why it cannot be inserted, removed or changed, as a sentence. Null if it can. */
  obstacle?(settings: Settings): string | null;
  /** Returns options that the file has for the trick although it is not in. They are used if it is inserted. */
  declared?(settings: Settings): Readonly<Record<string, unknown>>;
}

/**
 * Returns a setting's value, undefined if it has the system's default. Throws `UnknownHere` if the file does not
 * determine it.
 */
export function settingAt(settings: Settings, setting: string): unknown {
  const parts = setting.split('.');
  for (let depth = 1; depth <= parts.length; depth++) {
    const above = parts.slice(0, depth).join('.');
    if (settings.get(above) === COMPUTED) throw new UnknownHere(l10n.t('The file computes {0}.', above));
  }
  const absent = settings.has(setting) ? null : (settings.absentBecause?.(setting) ?? null);
  if (absent !== null) throw new UnknownHere(absent);
  return settings.get(setting);
}

/**
 * Returns the changes that turn a setting off: removes it, or sets it to `off` if it might still have a value without
 * the line.
 */
export function offOr(settings: Settings, setting: string, off: unknown): Changes {
  return { [setting]: (settings.absentBecause?.(setting) ?? null) === null ? undefined : off };
}

/** Returns a numeric setting, undefined if it has the default or is not a number. */
export function numberAt(settings: Settings, setting: string): number | undefined {
  const value = settingAt(settings, setting);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Returns a text setting, undefined if it has the default or is not a text. */
export function textAt(settings: Settings, setting: string): string | undefined {
  const value = settingAt(settings, setting);
  return typeof value === 'string' ? value : undefined;
}

/**
 * Maps a trick that is in if a number is above 0. The number is one of the trick's options. `off` is the number that
 * disables it, if there is one.
 */
export function amount(
  setting: string,
  option: string,
  {
    byDefault = 0,
    off,
    also = {},
  }: { readonly byDefault?: number; readonly off?: number; readonly also?: Changes } = {},
): TrickMapping {
  return {
    settings: [setting],
    read: (settings) => {
      const value =
        settingAt(settings, setting) === undefined ? byDefault : (numberAt(settings, setting) ?? 0);
      return value > 0 ? { [option]: value } : null;
    },
    write: (options) => ({ [setting]: options[option], ...also }),
    erase: (settings) =>
      byDefault > 0
        ? { [setting]: 0 }
        : { ...without(...Object.keys(also)), ...offOr(settings, setting, off) },
  };
}

/**
 * Maps a trick that is in if a setting has a certain value, which may be the system's default. `off` is a value that
 * disables it.
 */
export function choice(
  setting: string,
  on: unknown,
  { byDefault, off }: { readonly byDefault?: unknown; readonly off?: unknown } = {},
): TrickMapping {
  return {
    settings: [setting],
    read: (settings) => ((settingAt(settings, setting) ?? byDefault) === on ? {} : null),
    write: () => ({ [setting]: on }),
    erase: (settings) => (byDefault === on ? { [setting]: off } : offOr(settings, setting, off)),
  };
}

/** Maps a trick that the system has no setting for, whether it always applies it or never does. */
export function unsettled(
  settings: readonly string[],
  isIn: (settings: Settings) => boolean,
  why: () => string,
): TrickMapping {
  return {
    settings,
    read: (read) => (isIn(read) ? {} : null),
    write: () => ({}),
    erase: () => ({}),
    obstacle: why,
  };
}

/** Returns changes that remove settings. */
export function without(...settings: readonly string[]): Changes {
  return Object.fromEntries(settings.map((setting) => [setting, undefined]));
}
