import * as l10n from '@vscode/l10n';
import { formatCount } from '../src/shared/format';
import type { ChartContent, Curve } from './curves';
import { epochOf, type ShownRun } from './model';

/** A point of a curve that is pointed at. */
export interface PointedAt {
  readonly curve: Curve;
  /** Steps: of an epoch's point, the steps done at its end. */
  readonly x: number;
  readonly y: number;
}

/**
 * What stands over the values: the step pointed at, counted from 0 as in the log, or the epoch where a chart
 * has nothing finer.
 */
export function tooltipTitle({ run }: ShownRun, points: readonly PointedAt[]): string {
  const { epochs, schedule } = run.recipe;
  const step = points.find(({ curve }) => curve.look !== 'epochs');
  if (step) {
    const epoch = epochOf(step.x + 1, schedule.stepsPerEpoch);
    return l10n.t('Step {0}, epoch {1} of {2}', formatCount(step.x), epoch, epochs);
  }
  const [end] = points;
  if (!end) return '';
  const epoch = epochOf(end.x, schedule.stepsPerEpoch);
  return l10n.t('After epoch {0} of {1}, {2} steps', epoch, epochs, formatCount(end.x));
}

/** A curve's value; beside values of steps, an epoch's says which epoch it is from. */
export function tooltipLabel({ run }: ShownRun, content: ChartContent, { curve, x, y }: PointedAt): string {
  const value = content.formatValue(y);
  const isAmongSteps = content.curves.some(({ look }) => look === 'line');
  return curve.look === 'epochs' && isAmongSteps
    ? l10n.t('{0}, epoch {1}: {2}', curve.label, epochOf(x, run.recipe.schedule.stepsPerEpoch), value)
    : l10n.t('{0}: {1}', curve.label, value);
}
