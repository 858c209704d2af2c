/** What a setting is where a file computes it, so that nobody can tell its value without running it. */
export const COMPUTED = Symbol('computed');

/** The settings of a file that it writes itself, by the system's own names; dots go into mappings. */
export type Settings = ReadonlyMap<string, unknown>;

/** Settings to write; undefined takes one out. */
export type Changes = Readonly<Record<string, unknown>>;

/** How a trick is written in another system. */
export interface TrickMapping {
  /** The settings it is written by, the first of which its lens stands at. */
  readonly settings: readonly string[];
  /** Its options where the settings have it in, else null. */
  read(settings: Settings): Readonly<Record<string, unknown>> | null;
  /** What puts it in. */
  write(options: Readonly<Record<string, unknown>>, settings: Settings): Changes;
  /** What takes it out. */
  erase(settings: Settings): Changes;
  /** Why it can be neither put in nor taken out nor changed, as a sentence; null where it can. */
  obstacle?(settings: Settings): string | null;
}

export function numberAt(settings: Settings, setting: string): number | undefined {
  const value = settings.get(setting);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function textAt(settings: Settings, setting: string): string | undefined {
  const value = settings.get(setting);
  return typeof value === 'string' ? value : undefined;
}

/** A trick that is in where a number is above 0: an option of the trick has it. */
export function amount(
  setting: string,
  option: string,
  { byDefault = 0, also = {} }: { readonly byDefault?: number; readonly also?: Changes } = {},
): TrickMapping {
  return {
    settings: [setting],
    read: (settings) => {
      const value = settings.has(setting) ? (numberAt(settings, setting) ?? 0) : byDefault;
      return value > 0 ? { [option]: value } : null;
    },
    write: (options) => ({ [setting]: options[option], ...also }),
    erase: () => (byDefault > 0 ? { [setting]: 0 } : without(setting, ...Object.keys(also))),
  };
}

/** A trick that is in where a setting has one value; `off` takes it out where leaving it out does not. */
export function choice(
  setting: string,
  on: unknown,
  { byDefault, off }: { readonly byDefault?: unknown; readonly off?: unknown } = {},
): TrickMapping {
  return {
    settings: [setting],
    read: (settings) => ((settings.has(setting) ? settings.get(setting) : byDefault) === on ? {} : null),
    write: () => ({ [setting]: on }),
    erase: () => ({ [setting]: off }),
  };
}

/** A trick that the system has no setting for, whether it does it by itself or not. */
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

/** Changes that take settings out. */
export function without(...settings: readonly string[]): Changes {
  return Object.fromEntries(settings.map((setting) => [setting, undefined]));
}
