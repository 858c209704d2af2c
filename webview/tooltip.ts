import * as l10n from '@vscode/l10n';
import { counted } from '../src/shared/counted';
import { formatCount } from '../src/shared/format';
import type { ChartContent, Curve } from './curves';
import { epochOf, type ShownRun } from './model';

/** The point of a curve under the pointer. */
export interface PointedAt {
  readonly curve: Curve;
  /** In steps. For an epoch's point, the number of steps done at its end. */
  readonly x: number;
  readonly y: number;
}

/** Returns the title: the hovered step, counted from 0 as in the log, or the epoch if the chart has nothing finer. */
export function tooltipTitle({ history }: ShownRun, points: readonly PointedAt[]): string {
  const { epochs } = history.length;
  const step = points.find(({ curve }) => curve.look !== 'epochs');
  if (step) {
    const epoch = epochText(epochOf(history, step.x + 1), epochs);
    return epoch === null
      ? l10n.t('Step {0}', formatCount(step.x))
      : l10n.t('Step {0}, epoch {1}', formatCount(step.x), epoch);
  }
  const [end] = points;
  if (!end) return '';
  const epoch = epochText(epochOf(history, end.x), epochs);
  return epoch === null
    ? l10n.t('After {0}', counted(end.x, 'step'))
    : l10n.t('After epoch {0}, {1}', epoch, counted(end.x, 'step'));
}

function epochText(epoch: number | null, epochs: number | null): string | null {
  if (epoch === null) return null;
  return epochs === null ? `${epoch}` : l10n.t('{0} of {1}', epoch, epochs);
}

/** Formats a curve's value. Next to values per step, an epoch's value names its epoch. */
export function tooltipLabel(
  { history }: ShownRun,
  content: ChartContent,
  { curve, x, y }: PointedAt,
): string {
  const value = content.formatValue(y);
  const isAmongSteps = content.curves.some(({ look }) => look === 'line');
  const epoch = curve.look === 'epochs' && isAmongSteps ? epochOf(history, x) : null;
  return epoch !== null
    ? l10n.t('{0}, epoch {1}: {2}', curve.label, epoch, value)
    : l10n.t('{0}: {1}', curve.label, value);
}
