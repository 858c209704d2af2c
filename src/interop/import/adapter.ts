import type { Range } from '../../experiment/problem';
import type { EditResult } from '../../experiment/text/textEdits';
import type { Changes, Settings, TrickMapping } from '../../tricks/elsewhere/mapping';
import { NO_EQUIVALENT, type Systems } from '../../tricks/elsewhere/systems';
import { ALL_TRICKS, type TrickName } from '../../tricks/registry';

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

/** Another system's experiment files. */
export interface Adapter {
  readonly system: string;
  /** The file, where it is one of this system's; null otherwise. */
  read(text: string, fileName: string): ForeignFile | null;
  /** How each trick is written in it; a trick that it has no equivalent of is not there. */
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

/** Plain data as settings: mappings by dots, all else as it is. */
export function flattened(value: unknown, above = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[above, value]];
  return Object.entries(value).flatMap(([key, child]) =>
    flattened(child, above === '' ? key : `${above}.${key}`),
  );
}

/** How a system's files write each trick that the system has, as the tricks say themselves. */
export function mappingsOf(system: keyof Systems): Partial<Record<TrickName, TrickMapping>> {
  return Object.fromEntries(
    ALL_TRICKS.flatMap(({ name, systems }) => {
      const { file } = systems[system];
      return file === NO_EQUIVALENT ? [] : [[name, file]];
    }),
  );
}
