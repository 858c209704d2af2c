import type { EpochEvent } from '../../protocol/standing';
import { assertNever } from '../../shared/assertNever';
import { formatFixed, formatNumber } from '../../shared/format';
import type { SearchMetric } from './search';

/**
 * Returns a metric at the end of an epoch, with accuracies in percentage points. Null if the epoch lacks it or it is
 * not a number.
 */
export function metricAt(event: EpochEvent, metric: SearchMetric): number | null {
  const value = numberOf(event, metric);
  return value !== undefined && Number.isFinite(value) ? value : null;
}

function numberOf(event: EpochEvent, metric: SearchMetric): number | undefined {
  switch (metric) {
    case 'validation_accuracy':
      return points(event.validationAccuracy);
    case 'averaged_accuracy':
      return points(event.averagedAccuracy ?? event.validationAccuracy);
    case 'validation_loss':
      return event.validationLoss;
    case 'macro_f1':
      return points(event.macroF1);
    case 'balanced_accuracy':
      return points(event.balancedAccuracy);
    default:
      return assertNever(metric);
  }
}

function points(share: number | undefined): number | undefined {
  return share === undefined ? undefined : 100 * share;
}

/** Formats a metric's value for display. */
export function metricText(value: number, metric: SearchMetric): string {
  return metric === 'validation_loss' ? formatNumber(value, 4) : `${formatFixed(value, 2)}%`;
}
