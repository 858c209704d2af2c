/**
 * The output of timm's train.py (timm 1.0). Steps and checkpoints come from the log, which goes to standard error, and
 * epochs from summary.csv, which has more digits. Accuracies are in percent, epochs and steps from 0.
 */
import { parseTable, rowNumbers } from './csvTable';
import { MAX_KNOWN_LENGTH } from './lines';
import { countOf, keysByName, type MetricKey, metricsFrom, numberIn } from './metrics';
import type { OutputReader, OutputSource, Reading } from './reading';

/** The line of a step. The second loss is the mean over the epoch so far, and the second time too. */
const TRAIN =
  /^Train: (\d{1,9}) \[ *(\d{1,12})\/(\d{1,12}) +\( *\d+%\)\] +Loss: *(\S+) \( *\S+\) +Time: *[\d.]+s, *([\d.]+)\/s .*? LR: *(\S+)/;
/** The last line of a validation has its means. The second number in brackets is the index of the last batch. */
const TEST =
  /^Test( \(EMA\))?: \[ *(\d+)\/(\d+)\] .*?Loss: *\S+ \( *(\S+)\) +Acc@1: *\S+ \( *(\S+)\) +Acc@5: *\S+ \( *(\S+)\)$/;
const SCHEDULED = /^Scheduled epochs: (\d{1,9}) /;
const CHECKPOINTS = 'Current checkpoints:';
/** A line of that list: a Python tuple of the path and its metric. */
const CHECKPOINT = /^ \('(.+)', [-\w.+]+\)$/;

/**
 * Returns where train.py writes metrics.
 *
 * @param averaged whether the command trains with `--model-ema` and evaluates it (not with `--model-ema-force-cpu`).
 *   summary.csv then has the accuracy with the moving average only, and the log has the network's own.
 */
export function timmSources(averaged: boolean): readonly OutputSource[] {
  return [
    { where: 'output', reader: () => timmLog(averaged) },
    { where: { files: '**/summary.csv' }, reader: () => timmSummary(averaged) },
  ];
}

/** Reads the log. */
export function timmLog(averaged: boolean): OutputReader {
  let epoch: number | null = null;
  let stepsPerEpoch: number | null = null;
  const checkpoints = new Set<string>();
  let isInList = false;
  const read = (line: string): readonly Reading[] => {
    if (line.length > MAX_KNOWN_LENGTH) return [];
    const train = TRAIN.exec(line);
    if (train) {
      const [, epochText, stepText, stepsText, loss = '', speed = '', rate = ''] = train;
      const steps = Number(stepsText);
      const lengths: Reading[] = steps === stepsPerEpoch ? [] : [{ kind: 'length', stepsPerEpoch: steps }];
      epoch = Number(epochText);
      stepsPerEpoch = steps;
      const numbers = { loss, learningRate: rate, imagesPerSecond: speed };
      const metrics = metricsFrom(
        Object.entries(numbers).flatMap(([name, text]) => entryOf(name, text)),
        (name) => name as MetricKey,
        false,
      );
      return [...lengths, { kind: 'step', step: countOf(epoch * steps + Number(stepText)), epoch, metrics }];
    }
    const test = averaged ? TEST.exec(line) : null;
    if (test) return readTest(test);
    const [, scheduled] = SCHEDULED.exec(line) ?? [];
    if (scheduled !== undefined) return [{ kind: 'length', epochs: Number(scheduled) }];
    const [, path] = (isInList && CHECKPOINT.exec(line)) || [];
    isInList = line === CHECKPOINTS || path !== undefined;
    if (path === undefined || checkpoints.has(path)) return [];
    // Every list has all checkpoints that are kept, so most of them were in an earlier list.
    checkpoints.add(path);
    return [{ kind: 'checkpoint', path }];
  };
  const readTest = ([, ema, batch, last, loss = '', top1 = '', top5 = '']: RegExpExecArray): Reading[] => {
    if (epoch === null || batch !== last || ema !== undefined) return [];
    const texts: [MetricKey, string][] = [
      ['validationLoss', loss],
      ['validationAccuracy', top1],
      ['validationTop5', top5],
    ];
    const numbers = texts.flatMap(([name, text]) => entryOf(name, text));
    const step = stepsPerEpoch === null ? null : countOf((epoch + 1) * stepsPerEpoch);
    const metrics = metricsFrom(numbers, (name) => name as MetricKey, true);
    return [{ kind: 'epoch', epoch, step, metrics }];
  };
  return { from: 'lines', read };
}

function entryOf(name: string, text: string): [string, number][] {
  const value = numberIn(text);
  return value === null ? [] : [[name, value]];
}

const plainKeyOf = keysByName({
  train_loss: 'loss',
  eval_loss: 'validationLoss',
  eval_top1: 'validationAccuracy',
  eval_top5: 'validationTop5',
  lr: 'learningRate',
});
const averagedKeyOf = keysByName({
  train_loss: 'loss',
  eval_top1: 'averagedAccuracy',
  lr: 'learningRate',
});

/** Reads summary.csv. It has no row for an epoch without evaluation, and a second header after a resume. */
export function timmSummary(averaged: boolean): OutputReader {
  return { from: 'whole', read: (text) => summaryReadings(text, averaged ? averagedKeyOf : plainKeyOf) };
}

/** Whether the first line of a CSV file is that of timm's summary.csv. */
export function isTimmHeader(header: readonly string[]): boolean {
  return header[0] === 'epoch' && header[1] === 'train_loss' && header.at(-1) === 'lr';
}

function summaryReadings(text: string, keyOf: (name: string) => MetricKey | null): readonly Reading[] {
  const { header, rows } = parseTable(text, ',');
  if (!isTimmHeader(header)) return [];
  return rows.flatMap((row): Reading[] => {
    const numbers = rowNumbers(header, row);
    const epoch = countOf(numbers.get('epoch'));
    numbers.delete('epoch');
    // The second header has no number.
    if (epoch === null) return [];
    const metrics = metricsFrom(numbers, keyOf, true);
    return [{ kind: 'epoch', epoch, step: null, metrics }];
  });
}
