// A forest plot in text, for reports and terminals.
import * as l10n from '@vscode/l10n';
import type { ForestAxis, ForestMark, StudyView } from '../../../protocol/studyView';

/** Columns of the plot area. */
const WIDTH = 51;

/**
 * Returns one line per effect, with its interval as `├──●──┤` over the band of effects too small to matter (`·`) and
 * zero (`│`), and the axis below. Empty without estimates.
 */
export function forestText({ effects, axis }: Pick<StudyView, 'effects' | 'axis'>): string[] {
  if (!axis) return [];
  const label = Math.max(...effects.map((row) => row.label.length));
  const line = (name: string, plot: string) => `${name.padEnd(label)}  ${plot}`.trimEnd();
  return [
    line('', directions(axis)),
    ...effects.map((row) => line(row.label, plotLine(row.plot, axis))),
    line('', tickLine(axis)),
    line('', l10n.t('{0}; · is {1}', axis.unit, axis.smallestText)),
  ];
}

function column(value: number, { low, high }: ForestAxis): number {
  return Math.round(((value - low) / (high - low)) * (WIDTH - 1));
}

function plotLine(mark: ForestMark | null, axis: ForestAxis): string {
  const cells = Array.from({ length: WIDTH }, (_, at): string => {
    return at >= column(-axis.smallest, axis) && at <= column(axis.smallest, axis) ? '·' : ' ';
  });
  cells[column(0, axis)] = '│';
  if (mark) {
    const [low, high] = [column(mark.low, axis), column(mark.high, axis)];
    for (let at = low; at <= high; at++) cells[at] = '─';
    if (high > low) [cells[low], cells[high]] = ['├', '┤'];
    cells[column(mark.value, axis)] = '●';
  }
  return cells.join('');
}

function tickLine(axis: ForestAxis): string {
  const cells = Array.from({ length: WIDTH + 8 }, () => ' ');
  for (const { value, text } of axis.ticks) {
    const start = Math.max(0, Math.min(cells.length, column(value, axis) - Math.floor(text.length / 2)));
    for (const [index, character] of [...text].entries()) cells[start + index] = character;
  }
  return cells.join('');
}

function directions({ higherIsBetter, ...axis }: ForestAxis): string {
  const zero = column(0, { higherIsBetter, ...axis });
  const [left, right] = higherIsBetter
    ? [l10n.t('hurts'), l10n.t('helps')]
    : [l10n.t('helps'), l10n.t('hurts')];
  return `${`← ${left} `.padStart(zero)}│ ${right} →`;
}
