import type { StudySetting } from '../../protocol/study';
import type { AllowedSettings } from './allowed';
import { inseparableFactors } from './model';
import { type DesignProblem, settingKey } from './request';

/** Returns what is wrong with the factors themselves, or with their possible combinations. */
export function factorProblem(levels: readonly number[]): DesignProblem | null {
  if (levels.length === 0) return { kind: 'no_factors' };
  const factor = levels.findIndex((count) => count < 2);
  return factor < 0 ? null : { kind: 'one_level', factor };
}

/** Returns what is wrong with a user's list of settings. */
export function listProblem(
  settings: readonly StudySetting[],
  levels: readonly number[],
): DesignProblem | null {
  if (settings.length === 0) return { kind: 'empty_list' };
  const isKnown = (level: number | undefined, count: number) =>
    level !== undefined && Number.isInteger(level) && level >= 0 && level < count;
  const entry = settings.findIndex(
    (setting) => setting.length !== levels.length || !levels.every((count, i) => isKnown(setting[i], count)),
  );
  if (entry >= 0) return { kind: 'malformed_setting', entry };
  const seen = new Map<string, number>();
  for (const [index, setting] of settings.entries()) {
    const first = seen.get(settingKey(setting));
    if (first !== undefined) return { kind: 'repeated_setting', entries: [first, index] };
    seen.set(settingKey(setting), index);
  }
  return null;
}

/** Returns the impossible settings that a design needs. */
export function impossibleProblem(
  settings: readonly StudySetting[],
  { isAllowed }: AllowedSettings,
): DesignProblem | null {
  const impossible = settings.filter((setting) => !isAllowed(setting));
  return impossible.length > 0 ? { kind: 'impossible_settings', settings: impossible } : null;
}

/** Returns factors that these settings cannot estimate, because they never vary or always vary together with others. */
export function separationProblem(
  settings: readonly StudySetting[],
  levels: readonly number[],
): DesignProblem | null {
  const [first] = settings;
  if (!first) return { kind: 'no_allowed_setting' };
  const still = levels.findIndex((_, factor) =>
    settings.every((setting) => setting[factor] === first[factor]),
  );
  if (still >= 0) return { kind: 'never_varies', factor: still, level: first[still] as number };
  for (const [factor, count] of levels.entries())
    for (let level = 0; level < count; level++)
      if (!settings.some((setting) => setting[factor] === level))
        return { kind: 'level_never_run', factor, level };
  const factors = inseparableFactors([{ settings }], levels);
  return factors.length > 0 ? { kind: 'inseparable', factors } : null;
}
