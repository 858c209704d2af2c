import * as l10n from '@vscode/l10n';
import { formatNumber } from '../../shared/format';
import type { RangePoint } from '../../study/rangeTest';

/** A learning rate to mark on the axis with one letter. */
export interface RateMark {
  readonly letter: string;
  readonly learningRate: number;
}

/** Width in characters and height in lines of the plot area. */
export interface PlotSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Plots a range test's smoothed loss over the logarithm of the learning rate as lines of plain text: the curve, an axis
 * with a tick at each power of ten, and the marks below it.
 *
 * @param points at least one, with learning rates in ascending order
 */
export function ratePlot(
  points: readonly RangePoint[],
  marks: readonly RateMark[],
  { width, height }: PlotSize,
): string[] {
  const from = Math.log10(points[0]!.learningRate);
  const to = Math.log10(points.at(-1)!.learningRate);
  const columnOf = (learningRate: number) =>
    Math.round(((Math.log10(learningRate) - from) / (to - from || 1)) * (width - 1));
  const losses = points.map(({ smoothed }) => smoothed);
  const lowest = Math.min(...losses);
  // Clip a diverging loss, which would flatten the rest of the curve.
  const highest = Math.min(Math.max(...losses), Math.max(...losses.slice(0, 1), lowest) * 1.25);
  const rowOf = (loss: number) =>
    Math.round(((highest - Math.min(loss, highest)) / (highest - lowest || 1)) * (height - 1));
  const area = Array.from({ length: height }, () => Array.from({ length: width }, () => ' '));
  for (const { learningRate, smoothed } of points) area[rowOf(smoothed)]![columnOf(learningRate)] = '*';
  const labels = [formatNumber(highest, 3), formatNumber(lowest, 3)] as const;
  const margin = Math.max(...labels.map(({ length }) => length));
  const label = (row: number) => (row === 0 ? labels[0] : row === height - 1 ? labels[1] : '');
  const indent = ' '.repeat(margin + 2);
  const ticks = powersOfTen(from, to).map((power) => ({ power, column: columnOf(10 ** power) }));
  return [
    l10n.t('Smoothed loss over base_lr'),
    ...area.map((cells, row) => `${label(row).padStart(margin)} |${cells.join('')}`.trimEnd()),
    `${' '.repeat(margin)} +${axis(width, ticks)}`,
    `${indent}${placed(
      ticks.map(({ power, column }) => ({ column, text: `1e${power}` })),
      width,
    )}`.trimEnd(),
    ...marks.map(({ letter, learningRate }) => {
      const column = Math.min(Math.max(columnOf(learningRate), 0), width - 1);
      return `${indent}${' '.repeat(column)}${letter}`;
    }),
  ];
}

function powersOfTen(from: number, to: number): number[] {
  const first = Math.ceil(from - 1e-9);
  const count = Math.max(Math.floor(to + 1e-9) - first + 1, 0);
  return Array.from({ length: count }, (_, index) => first + index);
}

function axis(width: number, ticks: readonly { readonly column: number }[]): string {
  const columns = new Set(ticks.map(({ column }) => column));
  return Array.from({ length: width }, (_, column) => (columns.has(column) ? '+' : '-')).join('');
}

/** Places texts at their columns. Drops any text that would overlap the previous one. */
function placed(texts: readonly { readonly column: number; readonly text: string }[], width: number): string {
  let line = '';
  for (const { column, text } of texts) {
    if (column < line.length + (line === '' ? 0 : 1) || column + text.length > width + 3) continue;
    line = line.padEnd(column) + text;
  }
  return line;
}
