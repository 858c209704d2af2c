/**
 * The JSON lines that MMEngine writes to vis_data/scalars.json (checked with 0.10). Epochs and steps count from 1 there.
 * Accuracies are in percent, as in MMPretrain.
 */
import { objectIn } from './jsonLines';
import { countOf, keysByName, metricsFrom } from './metrics';
import type { OutputReader, OutputSource, Reading } from './reading';

const keyOf = keysByName({
  loss: 'loss',
  lr: 'learningRate',
  'accuracy/top1': 'validationAccuracy',
  'accuracy/top5': 'validationTop5',
});
/** Counters, and names of times and memory, which say nothing about the training. */
const SKIPPED: ReadonlySet<string> = new Set(['step', 'epoch', 'iter', 'time', 'data_time', 'memory']);

/** Returns where MMEngine's runner writes metrics. `TIME.json` next to `vis_data` has the same lines. */
export function mmengineSources(): readonly OutputSource[] {
  return [{ where: { files: '**/vis_data/scalars.json' }, reader: mmengineScalars }];
}

/**
 * Reads the lines. A line without `iter` is of a validation, and its `step` is the epoch if the training lines before it
 * have epochs, else the step. A validation without a training before it gives no reading.
 */
export function mmengineScalars(): OutputReader {
  let hasEpochs: boolean | null = null;
  const read = (line: string): readonly Reading[] => {
    const fields = objectIn(line);
    const counted = countOf(fields?.step);
    if (fields === null || counted === null || counted === 0) return [];
    const numbers = Object.entries(fields).flatMap(([name, value]): [string, number][] => {
      const number = SKIPPED.has(name) ? null : numberOf(value);
      return number === null ? [] : [[name, number]];
    });
    const metrics = metricsFrom(numbers, keyOf, true);
    const at = counted - 1;
    if (countOf(fields.iter) !== null) {
      const epoch = countOf(fields.epoch);
      hasEpochs = epoch !== null;
      return [{ kind: 'step', step: at, epoch: epoch === null ? null : Math.max(0, epoch - 1), metrics }];
    }
    if (hasEpochs === null) return [];
    return hasEpochs
      ? [{ kind: 'epoch', epoch: at, step: null, metrics }]
      : [{ kind: 'step', step: at, epoch: null, metrics }];
  };
  return { from: 'lines', read };
}

/** `objectIn` turns bare NaN and Infinity into words. */
function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : null;
}
