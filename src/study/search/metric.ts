import type { EpochEvent } from '../../protocol/standing';
import { assertNever } from '../../shared/assertNever';
import { formatFixed, formatNumber } from '../../shared/format';
import { SEARCH_METRICS, type SearchMetric } from './search';

/** The metrics of an epoch, or of a finished run. */
export type RungMetrics = Pick<
  EpochEvent,
  'validationAccuracy' | 'averagedAccuracy' | 'validationLoss' | 'macroF1' | 'balancedAccuracy'
>;

/** Returns the metrics that an epoch has itself. Without averaged weights, `metricAt` uses the others. */
export function metricsIn(event: RungMetrics): SearchMetric[] {
  return SEARCH_METRICS.filter(
    (metric) =>
      metricAt(event, metric) !== null &&
      (metric !== 'averaged_accuracy' || event.averagedAccuracy !== undefined),
  );
}

/**
 * Returns a metric at the end of an epoch, with accuracies in percentage points. Null if the epoch lacks it or it is
 * not a number.
 */
export function metricAt(event: RungMetrics, metric: SearchMetric): number | null {
  const value = numberOf(event, metric);
  return value !== undefined && Number.isFinite(value) ? value : null;
}

function numberOf(event: RungMetrics, metric: SearchMetric): number | undefined {
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
