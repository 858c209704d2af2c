/**
 * What torchvision's references/classification/train.py prints (checked with 0.13 and 0.21). Accuracies are in percent,
 * epochs and steps from 0.
 */
import { MAX_KNOWN_LENGTH } from './lines';
import { countOf, keysByName, type MetricKey, metricsFrom, numberIn } from './metrics';
import type { OutputReader, OutputSource, Reading } from './reading';

/** The arguments, as Python prints them. Only the first process prints anything. */
const ARGUMENTS = /^Namespace\(.*\)$/;
const TRAIN = /^Epoch: \[(\d{1,9})\] +\[ *(\d{1,12})\/(\d{1,12})\] +eta: /;
/** A meter: its name and its value, and behind some values the mean over the epoch so far. */
const METER = / {2}([\w/@.-]+): (\S+)(?: \((\S+)\))?/g;
/** The result of a validation. Older versions print ` * Acc@1 ...`. */
const TEST = /^(?:Test: ( ?EMA)? ?| \* )Acc@1 (\S+) Acc@5 (\S+)$/;

const keyOf = keysByName({
  loss: 'loss',
  acc1: 'accuracy',
  lr: 'learningRate',
  'img/s': 'imagesPerSecond',
});
/** Times say nothing about the training. */
const SKIPPED: ReadonlySet<string> = new Set(['time', 'data']);

/** Returns where train.py writes metrics. It writes no file with metrics. */
export function torchvisionSources(): readonly OutputSource[] {
  return [{ where: 'output', reader: torchvisionOutput }];
}

/**
 * Reads the lines of `MetricLogger`. The loss and accuracy of a step are the median of the last 20 steps, as printed.
 * Those of an epoch are the means up to its last line, which leaves out up to `--print-freq` - 1 steps. Of several
 * processes, they are of the first one's images. Its images per second are those of all, because DDP has all take their
 * steps together.
 */
export function torchvisionOutput(): OutputReader {
  let epoch: number | null = null;
  let stepsPerEpoch = 0;
  let processes = 1;
  let means: [MetricKey, number][] = [];
  const read = (line: string): readonly Reading[] => {
    if (line.length > MAX_KNOWN_LENGTH) return [];
    if (ARGUMENTS.test(line)) {
      processes = processesIn(line);
      return epochsIn(line);
    }
    const train = TRAIN.exec(line);
    if (train) {
      const steps = Number(train[3]);
      const lengths: Reading[] = steps === stepsPerEpoch ? [] : [{ kind: 'length', stepsPerEpoch: steps }];
      epoch = Number(train[1]);
      stepsPerEpoch = steps;
      const meters = metersOf(line.slice(train[0].length));
      means = meters.flatMap(({ name, mean }): [MetricKey, number][] =>
        mean === null || (name !== 'loss' && name !== 'acc1')
          ? []
          : [[name === 'loss' ? 'loss' : 'accuracy', mean]],
      );
      const metrics = metricsFrom(
        meters
          .filter(({ name }) => !SKIPPED.has(name))
          .map(({ name, value }) => [name, name === 'img/s' ? processes * value : value] as const),
        keyOf,
        true,
      );
      return [...lengths, { kind: 'step', step: countOf(epoch * steps + Number(train[2])), epoch, metrics }];
    }
    const [, ema, top1 = '', top5 = ''] = TEST.exec(line) ?? [];
    // Without an epoch before it, this is `--test-only`.
    if (epoch === null || top1 === '') return [];
    const results: [MetricKey, string][] =
      ema === undefined
        ? [
            ['validationAccuracy', top1],
            ['validationTop5', top5],
          ]
        : [['averagedAccuracy', top1]];
    const numbers = results.flatMap(([name, text]): [MetricKey, number][] => {
      const value = numberIn(text);
      return value === null ? [] : [[name, value]];
    });
    const metrics = metricsFrom(
      [...(ema === undefined ? means : []), ...numbers],
      (name) => name as MetricKey,
      true,
    );
    return [{ kind: 'epoch', epoch, step: countOf((epoch + 1) * stepsPerEpoch), metrics }];
  };
  return { from: 'lines', read };
}

/** Returns the number of training processes. Without a launcher, `world_size` has no meaning. */
function processesIn(line: string): number {
  const [, size] = (/\bdistributed=True\b/.test(line) && /\bworld_size=(\d{1,6})\b/.exec(line)) || [];
  return Math.max(1, Number(size ?? 1));
}

function epochsIn(line: string): readonly Reading[] {
  const isTraining = /\bdata_path='/.test(line) && /\btest_only=False\b/.test(line);
  const [, epochs] = (isTraining && /[(\s]epochs=(\d{1,9})[,)]/.exec(line)) || [];
  return epochs === undefined ? [] : [{ kind: 'length', epochs: Number(epochs) }];
}

interface Meter {
  readonly name: string;
  readonly value: number;
  readonly mean: number | null;
}

function metersOf(text: string): Meter[] {
  return [...text.matchAll(METER)].flatMap(([, name = '', valueText = '', meanText = '']): Meter[] => {
    const value = numberIn(valueText);
    return value === null ? [] : [{ name, value, mean: numberIn(meanText) }];
  });
}
