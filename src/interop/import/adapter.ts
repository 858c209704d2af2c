import type { Range } from '../../experiment/problem';
import type { EditResult } from '../../experiment/text/textEdits';
import type { Changes, Known, Settings, TrickMapping } from '../../tricks/elsewhere/mapping';
import { NO_EQUIVALENT, type Systems } from '../../tricks/elsewhere/systems';
import { ALL_TRICKS, type TrickName } from '../../tricks/registry';

/** Returns the text of another file that a file refers to, by path. Null if it cannot be read. */
export type ReadText = (path: string) => string | null;

/** Longer texts are not taken for another system's file and are not read. */
export const MAX_LENGTH = 1 << 18;

/** A parsed file of another system. */
export interface ForeignFile {
  readonly settings: Settings;
  /** Returns the range of a setting, null if it is not in the file. */
  rangeOf(setting: string): Range | null;
  /** The start of the file's settings. */
  readonly start: Range;
  /** Returns edits that make the changes and leave everything else untouched, or why there are none. */
  edit(changes: Changes): EditResult;
}

/** A file that certainly belongs to a system but cannot be read. */
export interface UnreadFile {
  /** The reason, as a sentence. */
  readonly unread: string;
  readonly start: Range;
}

/** Adapter for another system's experiment files. */
export interface Adapter {
  readonly system: string;
  /**
   * Returns the file if it certainly belongs to this system, else null. `readText` reads the files that it builds on.
   */
  read(text: string, fileName: string, readText: ReadText): ForeignFile | UnreadFile | null;
  /** How the system writes each trick. Tricks without an equivalent are missing. */
  readonly tricks: Partial<Record<TrickName, TrickMapping>>;
  /** The settings closest to each path of an experiment that has lenses, such as `optimizer.base_lr`. */
  readonly anchors: Readonly<Record<string, readonly string[]>>;
  /** Converts the settings to an experiment without tricks. */
  experiment(settings: Settings, fileName: string): ForeignExperiment;
}

/**
 * A file's settings as an experiment without tricks: each part, or why it is unknown. Never a guess: the system's own
 * default counts as known, the default of another data set or model does not.
 */
export interface ForeignExperiment {
  /** As an experiment file names it. Also unknown if we do not have the model. */
  readonly model: Known<Readonly<Record<string, unknown>>>;
  /** Number of training images. */
  readonly trainImages: Known<number>;
  readonly classes: Known<number>;
  /** Height and width of the network's input, in pixels. */
  readonly imageSize: Known<number>;
  /** Images per step, over all processes. */
  readonly batchSize: Known<number>;
  /** Our optimizer of that name. Optimizers that are tricks here count as SGD, which they replace. */
  readonly optimizer: Known<'sgd' | 'adam' | 'adamw'>;
  readonly baseLearningRate: Known<number>;
  readonly weightDecay: Known<number>;
  readonly epochs: Known<number>;
}

/** ImageNet's facts, for files that certainly train on it. */
export const IMAGENET = { trainImages: 1_281_167, classes: 1000 } as const;

/** Flattens plain data to settings: nested mappings become dotted keys, everything else is kept. */
export function flattened(value: unknown, above = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[above, value]];
  return Object.entries(value).flatMap(([key, child]) =>
    flattened(child, above === '' ? key : `${above}.${key}`),
  );
}

/** Returns how a system's files write each trick that the system has, according to the tricks. */
export function mappingsOf(system: keyof Systems): Partial<Record<TrickName, TrickMapping>> {
  return Object.fromEntries(
    ALL_TRICKS.flatMap(({ name, systems }) => {
      const { file } = systems[system];
      return file === NO_EQUIVALENT ? [] : [[name, file]];
    }),
  );
}
