// The axis of a study's plots: round ticks that enclose everything shown.
import * as l10n from '@vscode/l10n';
import type { ForestAxis, ForestMark, StudyFacts } from '../../../protocol/studyView';
import { formatFixed } from '../../../shared/format';
import { differenceText, type Scale, unitText, withUnit } from './studyNumbers';

interface Tick {
  readonly value: number;
  readonly text: string;
}

/**
 * Returns round values from below `low` to above `high`, about `count` of them, in steps of 1, 2 or 5 times a power of
 * ten.
 */
export function axisTicks(low: number, high: number, scale: Scale, count: number): Tick[] {
  const span = high > low ? high - low : Math.max(Math.abs(high), 10 ** -scale.digits);
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= count) ?? 10 * power;
  // Use enough digits to distinguish the ticks, which may be more than effects have.
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const value = (first + index) * step;
    return { value, text: value === 0 ? '0' : differenceText(value, { ...scale, digits }) };
  });
}

/**
 * Returns the axis of a forest plot. It covers zero, the band of effects too small to matter, and all marks. Null
 * without marks.
 */
export function forestAxis(
  marks: readonly ForestMark[],
  { metric, smallestEffect }: Pick<StudyFacts, 'metric' | 'smallestEffect'>,
  scale: Scale,
): ForestAxis | null {
  if (marks.length === 0) return null;
  const low = Math.min(-smallestEffect, ...marks.map((mark) => mark.low));
  const high = Math.max(smallestEffect, ...marks.map((mark) => mark.high));
  const ticks = axisTicks(low, high, scale, 7);
  return {
    low: ticks[0]!.value,
    high: ticks.at(-1)!.value,
    ticks,
    smallest: smallestEffect,
    smallestText: l10n.t(
      'too small to matter (up to {0})',
      withUnit(`±${Number(formatFixed(smallestEffect, scale.digits))}`, scale),
    ),
    unit: unitText(metric),
    higherIsBetter: metric.higherIsBetter,
  };
}
