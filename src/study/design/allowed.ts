import type { StudySetting } from '../../protocol/study';
import { type RandomBelow, randomStream } from './random';

/** The most combinations that are ever listed. */
export const MOST_COMBINATIONS = 4096;

/** Settings that are drawn where there are more: enough to meet each level of each factor, and each pair of them. */
const SAMPLE = 500;

/** What may be run. */
export interface AllowedSettings {
  readonly levels: readonly number[];
  readonly isAllowed: (setting: StudySetting) => boolean;
  /** All of them; null where there are more combinations than are listed. */
  readonly all: readonly StudySetting[] | null;
  /** Whether some combination is known not to be allowed. */
  readonly isConstrained: boolean;
}

export function allowedSettings(
  levels: readonly number[],
  isAllowed: ((setting: StudySetting) => boolean) | undefined,
): AllowedSettings {
  const combinations = levels.reduce((product, count) => product * count, 1);
  const every = combinations > MOST_COMBINATIONS ? null : combinationsOf(levels);
  const all = every && isAllowed ? every.filter(isAllowed) : every;
  const isConstrained = all !== null && all.length < combinations;
  return { levels, isAllowed: isAllowed ?? (() => true), all, isConstrained };
}

/** Every combination of levels, the first factor's level changing fastest. */
function combinationsOf(levels: readonly number[]): StudySetting[] {
  return levels.reduce<StudySetting[]>(
    (settings, count) =>
      Array.from({ length: count }, (_, level) => settings.map((setting) => [...setting, level])).flat(),
    [[]],
  );
}

/** An allowed setting at random; null where none was met in 1,000 tries. */
export function randomSetting(allowed: AllowedSettings, below: RandomBelow): StudySetting | null {
  if (allowed.all) return allowed.all[below(allowed.all.length)] ?? null;
  for (let attempt = 0; attempt < 1000; attempt++) {
    const setting = allowed.levels.map((count) => below(count));
    if (allowed.isAllowed(setting)) return setting;
  }
  return null;
}

/** Settings that show what is possible: all, or where they are too many, a sample of the allowed ones. */
export function sampleOf(allowed: AllowedSettings): readonly StudySetting[] {
  if (allowed.all) return allowed.all;
  const below = randomStream(0, 0);
  const sample: StudySetting[] = [];
  while (sample.length < SAMPLE) {
    const setting = randomSetting(allowed, below);
    if (!setting) break;
    sample.push(setting);
  }
  return sample;
}
