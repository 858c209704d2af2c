// How a study's numbers are written: digits by the smallest effect that matters, and the metric's unit.
import * as l10n from '@vscode/l10n';
import type { Estimate, StudyMetric } from '../../../protocol/study';
import type { MetricUnit, StudyFacts } from '../../../protocol/studyView';
import { assertNever } from '../../../shared/assertNever';
import { signed } from '../../trickText';

/** How values and differences of a study's metric are written. */
export interface Scale {
  readonly unit: MetricUnit;
  /** After the point. */
  readonly digits: number;
}

/** Two digits for points; else one more than the smallest effect needs. */
export function scaleOf({ metric, smallestEffect }: Pick<StudyFacts, 'metric' | 'smallestEffect'>): Scale {
  const { unit } = metric;
  // An effect of 0.002 is judged by its third digit, so its interval is written with the fourth.
  const needed = smallestEffect > 0 ? 1 - Math.floor(Math.log10(smallestEffect) + 1e-9) : 4;
  const fewest = unit === 'points' ? 2 : 0;
  return { unit, digits: Math.min(8, Math.max(fewest, needed)) };
}

/** A value of the metric, such as '91.24%' or '0.312'. */
export function valueText(value: number, { unit, digits }: Scale): string {
  switch (unit) {
    case 'points':
      return `${value.toFixed(digits)}%`;
    case 'images_per_second':
      return l10n.t('{0} images/s', value.toFixed(digits));
    case 'plain':
      return value.toFixed(digits);
    default:
      return assertNever(unit);
  }
}

/** A text of a difference with its unit, such as '+0.42 points'. */
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

/** The unit of differences, such as 'points of validation accuracy'. */
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

/** A metric's name as part of a sentence; that of a logged number is as it is logged. */
export function metricText(name: StudyMetric): string {
  switch (name) {
    case 'validation_accuracy':
      return l10n.t('validation accuracy');
    case 'averaged_accuracy':
      return l10n.t('validation accuracy of the averaged weights');
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

/** A difference, such as '+0.42'. */
export function differenceText(value: number, { digits }: Scale): string {
  return signed(value, digits);
}

/** An estimate with its interval, such as '+0.42 ± 0.18', or the value alone where there is no interval. */
export function estimateText({ value, halfWidth }: Estimate, scale: Scale): string {
  const difference = differenceText(value, scale);
  return halfWidth === null ? difference : `${difference} ± ${halfWidth.toFixed(scale.digits)}`;
}

/** Whether an estimate is told from zero by its own interval. */
export function isClear({ value, halfWidth }: Estimate): boolean {
  return halfWidth !== null && Math.abs(value) > halfWidth;
}

/** The ends of an interval, such as '+0.24 to +0.60'; null where there is none. */
export function intervalText({ value, halfWidth }: Estimate, scale: Scale): string | null {
  if (halfWidth === null) return null;
  return l10n.t(
    '{0} to {1}',
    differenceText(value - halfWidth, scale),
    differenceText(value + halfWidth, scale),
  );
}

/** A p value, such as 'p = 0.012' or 'p < 0.001'. */
export function pText(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
}

/** A share of time or memory, such as '+12%'. */
export function percentText(share: number): string {
  const percent = 100 * share;
  return `${signed(percent, Math.abs(percent) < 9.95 ? 1 : 0)}%`;
}

/** Names in a sentence, such as 'warmup, mixup and cutmix'. */
export function listText(names: readonly string[]): string {
  const [last, ...before] = names.toReversed();
  if (last === undefined) return '';
  return before.length === 0 ? last : l10n.t('{0} and {1}', before.toReversed().join(', '), last);
}

export const DASH = '–';
