/** The file of Keras' CSVLogger (checked with 3.15). Epochs count from 0, and accuracies are fractions. */
import { parseTable, rowNumbers, type Table } from './csvTable';
import { kerasKey } from './kerasNames';
import { isSorted } from './lightningOutput';
import { countOf, metricsFrom } from './metrics';
import type { OutputReader, Reading } from './reading';

/** Reads the file. Its separator is the character behind `epoch`, which is the first column. */
export function kerasLog(): OutputReader {
  return {
    from: 'whole',
    read: (text) => {
      const table = parseTable(text, kerasSeparator(text));
      return isKerasHeader(table.header) ? kerasReadings(table) : [];
    },
  };
}

/** Returns the separator if the file is Keras', else a comma. */
export function kerasSeparator(text: string): string {
  return /^epoch([^\w\r\n])/.exec(text)?.[1] ?? ',';
}

/** Whether the first line is `epoch` and the sorted names of the metrics, of which one is the loss. */
export function isKerasHeader([first, ...names]: readonly string[]): boolean {
  return first === 'epoch' && names.includes('loss') && !names.includes('step') && isSorted(names);
}

/** Missing metrics are NA. */
export function kerasReadings({ header, rows }: Table): Reading[] {
  return rows.flatMap((row): Reading[] => {
    const numbers = rowNumbers(header, row);
    const epoch = countOf(numbers.get('epoch'));
    numbers.delete('epoch');
    if (epoch === null) return [];
    return [{ kind: 'epoch', epoch, step: null, metrics: metricsFrom(numbers, kerasKey, false) }];
  });
}
