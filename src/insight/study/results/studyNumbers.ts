// Formats a study's numbers: the smallest effect that matters sets the digits, and the metric sets the unit.
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyMetric } from '../../../protocol/study';
import type { MetricUnit, StudyFacts } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { formatFixed } from '../../../shared/format';
import { signed } from '../../trickText';

/** Format of values and differences of a study's metric. */
export interface Scale {
  readonly unit: MetricUnit;
  /** Decimal places. */
  readonly digits: number;
}

/** Two digits for points, else one more than the smallest effect needs. */
export function scaleOf({ metric, smallestEffect }: Pick<StudyFacts, 'metric' | 'smallestEffect'>): Scale {
  const { unit } = metric;
  // An effect of 0.002 is judged by its third digit, so its interval has four.
  const needed = smallestEffect > 0 ? 1 - Math.floor(Math.log10(smallestEffect) + 1e-9) : 4;
  const fewest = unit === 'points' ? 2 : 0;
  return { unit, digits: Math.min(8, Math.max(fewest, needed)) };
}

/** Formats a value of the metric, such as '91.24%' or '0.312'. */
export function valueText(value: number, { unit, digits }: Scale): string {
  switch (unit) {
    case 'points':
      return `${formatFixed(value, digits)}%`;
    case 'images_per_second':
      return l10n.t('{0} images/s', formatFixed(value, digits));
    case 'plain':
      return formatFixed(value, digits);
    default:
      return assertNever(unit);
  }
}

/** Adds the unit to a formatted difference, such as '+0.42 points'. */
export function withUnit(text: string, { unit }: Pick<Scale, 'unit'>): string {
  switch (unit) {
    case 'points':
      return l10n.t('{0} points', text);
    case 'images_per_second':
      return l10n.t('{0} images/s', text);
    case 'plain':
      return text;
    default:
      return assertNever(unit);
  }
}

/** Names the unit of differences, such as 'points of validation accuracy'. */
export function unitText({ name, unit }: StudyFacts['metric']): string {
  switch (unit) {
    case 'points':
      return l10n.t('points of {0}', metricText(name));
    case 'images_per_second':
      return l10n.t('images per second');
    case 'plain':
      return metricText(name);
    default:
      return assertNever(unit);
  }
}

/** Names a metric within a sentence. A logged number keeps its logged name. */
export function metricText(name: StudyMetric): string {
  switch (name) {
    case 'validation_accuracy':
      return l10n.t('validation accuracy');
    case 'averaged_accuracy':
      return l10n.t('validation accuracy of the EMA weights');
    case 'validation_loss':
      return l10n.t('validation loss');
    case 'macro_f1':
      return l10n.t('macro F1');
    case 'balanced_accuracy':
      return l10n.t('balanced accuracy');
    case 'images_per_second':
      return l10n.t('speed');
    default:
      return name;
  }
}

/** Formats a difference, such as '+0.42'. */
export function differenceText(value: number, { digits }: Scale): string {
  return signed(value, digits);
}

/** Formats an estimate with its interval, such as '+0.42 ± 0.18', or the value alone if there is no interval. */
export function estimateText({ value, halfWidth }: Estimate, scale: Scale): string {
  const difference = differenceText(value, scale);
  return halfWidth === null ? difference : `${difference} ± ${formatFixed(halfWidth, scale.digits)}`;
}

/** Whether an estimate's own interval excludes zero. */
export function isClear({ value, halfWidth }: Estimate): boolean {
  return halfWidth !== null && Math.abs(value) > halfWidth;
}

/** Formats the ends of an interval, such as '+0.24 to +0.60'. Null without an interval. */
export function intervalText({ value, halfWidth }: Estimate, scale: Scale): string | null {
  if (halfWidth === null) return null;
  return l10n.t(
    '{0} to {1}',
    differenceText(value - halfWidth, scale),
    differenceText(value + halfWidth, scale),
  );
}

/** Formats a p-value, such as 'p = 0.012' or 'p < 0.001'. */
export function pText(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
}

/** Formats a relative change of time or memory, such as '+12%'. */
export function percentText(share: number): string {
  const percent = 100 * share;
  return `${signed(percent, Math.abs(percent) < 9.95 ? 1 : 0)}%`;
}

/** Joins names for a sentence, such as 'warmup, mixup and cutmix'. */
export function listText(names: readonly string[]): string {
  const [last, ...before] = names.toReversed();
  if (last === undefined) return '';
  return before.length === 0 ? last : l10n.t('{0} and {1}', before.toReversed().join(', '), last);
}

export const DASH = '–';
