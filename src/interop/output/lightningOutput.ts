/**
 * The metrics.csv of Lightning's CSVLogger (checked with 2.6). Steps and epochs count from 0. The names are the user's, so
 * only common ones are ours, with accuracies as fractions (as torchmetrics has them).
 */
import { commonKey } from './commonNames';
import { parseTable, rowNumbers, type Table } from './csvTable';
import { countOf, hasValidation, metricsFrom } from './metrics';
import type { OutputReader, Reading } from './reading';

/** Reads metrics.csv. Lightning writes it whole again when a new column appears. */
export function lightningMetrics(): OutputReader {
  return {
    from: 'whole',
    read: (text) => {
      const table = parseTable(text, ',');
      return isLightningHeader(table.header) ? lightningReadings(table) : [];
    },
  };
}

/** Whether the first line of a CSV file may be that of metrics.csv. Before 2.1 its columns were not sorted. */
export function isLightningHeader(header: readonly string[]): boolean {
  return header.includes('step') && (header.includes('epoch') || isSorted(header));
}

/** Whether names are in the order of their characters, as Python sorts them. */
export function isSorted(names: readonly string[]): boolean {
  return names.every((name, index) => index === 0 || (names[index - 1] ?? '') <= name);
}

/**
 * Training and validation metrics are in separate rows of the same step, with the other cells blank. A metric of the steps
 * and of the epoch has two columns, such as `train_loss_step` and `train_loss_epoch`.
 */
export function lightningReadings({ header, rows }: Table): Reading[] {
  return rows.flatMap((row): Reading[] => {
    const numbers = rowNumbers(header, row);
    const step = countOf(numbers.get('step'));
    const epoch = countOf(numbers.get('epoch'));
    numbers.delete('step');
    numbers.delete('epoch');
    if (step === null || numbers.size === 0) return [];
    const metrics = metricsFrom(numbers, (name) => commonKey(name.replace(/_(?:step|epoch)$/, '')), false);
    const isOfEpoch = hasValidation(metrics) || [...numbers.keys()].some((name) => name.endsWith('_epoch'));
    return epoch !== null && isOfEpoch
      ? [{ kind: 'epoch', epoch, step: step + 1, metrics }]
      : [{ kind: 'step', step, epoch, metrics }];
  });
}
