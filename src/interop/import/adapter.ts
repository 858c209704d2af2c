import type { Range } from '../../experiment/problem';
import type { EditResult } from '../../experiment/textEdits';
import type { TrickName } from '../../tricks/registry';

/** What a setting is where a file computes it, so that nobody can tell its value without running it. */
export const COMPUTED = Symbol('computed');

/** The settings of a file that it writes itself, by the system's own names; dots go into mappings. */
export type Settings = ReadonlyMap<string, unknown>;

/** Settings to write; undefined takes one out. */
export type Changes = Readonly<Record<string, unknown>>;

/** A file of another system as read. */
export interface ForeignFile {
  readonly settings: Settings;
  /** The place of a setting; null where the file leaves it out. */
  rangeOf(setting: string): Range | null;
  /** Where the file's settings begin. */
  readonly start: Range;
  /** Edits that make changes and leave everything else as it was, or why there are none. */
  edit(changes: Changes): EditResult;
}

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

/** Another system's experiment files. */
export interface Adapter {
  readonly system: string;
  /** The file, where it is one of this system's; null otherwise. */
  read(text: string, fileName: string): ForeignFile | null;
  readonly tricks: Partial<Record<TrickName, TrickMapping>>;
  /** The settings nearest to each place of an experiment that lenses stand at, such as `optimizer.base_lr`. */
  readonly anchors: Readonly<Record<string, readonly string[]>>;
  /** What the settings come to as an experiment without tricks. */
  experiment(settings: Settings, fileName: string): ForeignExperiment;
}

export interface ForeignExperiment {
  /** As the parts of an experiment file. */
  readonly parts: Readonly<Record<string, unknown>>;
  /** Whether the file says all that numbers are worked out from; else they are left out. */
  readonly isWhole: boolean;
}

/** ImageNet, which these systems' files are written for where they name no other data. */
export const IMAGENET = {
  dataset: 'synthetic',
  train_images: 1_281_167,
  validation_images: 50_000,
  height: 224,
  width: 224,
  channels: 3,
  classes: 1000,
} as const;

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

/** Plain data as settings: mappings by dots, all else as it is. */
export function flattened(value: unknown, above = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[above, value]];
  return Object.entries(value).flatMap(([key, child]) =>
    flattened(child, above === '' ? key : `${above}.${key}`),
  );
}
