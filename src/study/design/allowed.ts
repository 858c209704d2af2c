import type { StudySetting } from '../../protocol/study';
import { type RandomBelow, randomStream } from './random';

/** Maximum number of combinations that are enumerated. */
export const MOST_COMBINATIONS = 4096;

/** Sample size if there are more. Enough to include each level of each factor, and each pair of levels. */
const SAMPLE = 500;

/** The settings that may be run. */
export interface AllowedSettings {
  readonly levels: readonly number[];
  readonly isAllowed: (setting: StudySetting) => boolean;
  /** All allowed settings; null if there are too many combinations to enumerate. */
  readonly all: readonly StudySetting[] | null;
  /** Whether some combination is known to be disallowed. */
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

/** Returns every combination of levels. The first factor varies fastest. */
function combinationsOf(levels: readonly number[]): StudySetting[] {
  return levels.reduce<StudySetting[]>(
    (settings, count) =>
      Array.from({ length: count }, (_, level) => settings.map((setting) => [...setting, level])).flat(),
    [[]],
  );
}

/** Returns a random allowed setting; null if 1,000 tries found none. */
export function randomSetting(allowed: AllowedSettings, below: RandomBelow): StudySetting | null {
  if (allowed.all) return allowed.all[below(allowed.all.length)] ?? null;
  for (let attempt = 0; attempt < 1000; attempt++) {
    const setting = allowed.levels.map((count) => below(count));
    if (allowed.isAllowed(setting)) return setting;
  }
  return null;
}

/** Returns settings that show what is possible: all of them, or a sample of the allowed ones if there are too many. */
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
