// Names of a study's factors and their levels.
import * as l10n from '@vscode/l10n';
import type { StudyFactor, StudySetting } from '../../../protocol/study';

/** Names a level's effect: 'mixup', 'mixup alpha 0.4' or 'optimizer.weight_decay 0.0005'. */
export function levelName(factors: readonly StudyFactor[], factor: number, level: number): string {
  const { key } = factorAt(factors, factor);
  return isSwitch(factors, factor) ? key : `${key} ${levelText(factors, factor, level)}`;
}

/**
 * Names the condition under which another effect holds: 'with mixup', 'without mixup' or 'with optimizer.weight_decay
 * 0.0001'.
 */
export function condition(factors: readonly StudyFactor[], factor: number, level: number): string {
  const { key } = factorAt(factors, factor);
  if (!isSwitch(factors, factor)) return l10n.t('with {0}', levelName(factors, factor, level));
  return level === 0 ? l10n.t('without {0}', key) : l10n.t('with {0}', key);
}

/** Names a level alone, such as 'with' or '0.0005'. */
export function levelText(factors: readonly StudyFactor[], factor: number, level: number): string {
  return factorAt(factors, factor).levels[level] ?? String(level);
}

/** Whether a factor is a trick that is in or out. Then its name is enough to name its only effect. */
export function isSwitch(factors: readonly StudyFactor[], factor: number): boolean {
  const { kind, levels } = factorAt(factors, factor);
  return kind === 'trick' && levels.length === 2;
}

/** Describes a setting by its contents, such as 'warmup, optimizer.weight_decay 0.0005', or 'none of the tricks'. */
export function settingText(factors: readonly StudyFactor[], setting: StudySetting): string {
  const parts = setting.flatMap((level, factor) =>
    level > 0 || factorAt(factors, factor).kind === 'key' ? [levelName(factors, factor, level)] : [],
  );
  return parts.length === 0 ? l10n.t('none of the tricks') : parts.join(', ');
}

/** Names a pair of factors, such as 'mixup × warmup'. */
export function pairText(
  factors: readonly StudyFactor[],
  [first, second]: readonly [number, number],
): string {
  return `${factorAt(factors, first).key} × ${factorAt(factors, second).key}`;
}

function factorAt(factors: readonly StudyFactor[], index: number): StudyFactor {
  const factor = factors[index];
  if (!factor) throw new RangeError(`A study of ${factors.length} factors has none at ${index}.`);
  return factor;
}
