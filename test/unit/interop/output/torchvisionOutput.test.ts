import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { torchvisionOutput } from '../../../../src/interop/output/torchvisionOutput';
import { chunked, readingsOf, readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers/torchvision';
const OUTPUT = readFileSync(`${FOLDER}/output.txt`, 'utf8');

interface Logged {
  readonly steps: readonly Readonly<
    Record<'epoch' | 'step' | 'lr' | 'loss' | 'acc1' | 'acc5' | 'img/s', number>
  >[];
  readonly epochs: readonly {
    readonly epoch: number;
    readonly suffix: string;
    readonly top1: number;
    readonly top5: number;
  }[];
}
const LOGGED: Logged = JSON.parse(readFileSync(`${FOLDER}/logged.json`, 'utf8'));

const STEPS = 45;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** PyTorch's median: of an even number of values, the lower one in the middle. */
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

describe("torchvision's output", () => {
  const readings = readingsOfText(torchvisionOutput(), OUTPUT);

  test('has the steps that MetricLogger got, as the median of the last 20', () => {
    const steps = readings.filter(({ kind }) => kind === 'step');
    const expected = [3, 4].flatMap((epoch) =>
      [0, 10, 20, 30, 40].map((index) => {
        const before = LOGGED.steps.filter((each) => each.epoch === epoch && each.step <= index).slice(-20);
        const of = (name: 'loss' | 'acc1' | 'acc5') => median(before.map((each) => each[name])) ?? Number.NaN;
        return {
          kind: 'step',
          step: epoch * STEPS + index,
          epoch,
          metrics: {
            loss: expect.closeTo(of('loss'), 3),
            accuracy: expect.closeTo(of('acc1') / 100, 5),
            learningRate: before.at(-1)?.lr,
            imagesPerSecond: before.at(-1)?.['img/s'],
            other: { acc5: expect.closeTo(of('acc5'), 3) },
          },
        };
      }),
    );
    expect(steps).toEqual(expected);
  });

  test('has the results of the epoch before them, and those with the moving average apart', () => {
    const epochs = readings.filter(({ kind }) => kind === 'epoch');
    const expected = LOGGED.epochs.map(({ epoch, suffix, top1, top5 }) => {
      const upToLastLine = LOGGED.steps.filter((each) => each.epoch === epoch && each.step <= 40);
      return {
        kind: 'epoch',
        epoch,
        step: (epoch + 1) * STEPS,
        metrics:
          suffix === 'EMA'
            ? { averagedAccuracy: expect.closeTo(top1 / 100, 5) }
            : {
                loss: expect.closeTo(mean(upToLastLine.map(({ loss }) => loss)), 3),
                accuracy: expect.closeTo(mean(upToLastLine.map(({ acc1 }) => acc1)) / 100, 5),
                validationAccuracy: expect.closeTo(top1 / 100, 5),
                validationTop5: expect.closeTo(top5 / 100, 5),
              },
      };
    });
    expect(epochs).toEqual(expected);
    expect(epochs).toHaveLength(4);
  });

  test('has the length once', () => {
    expect(readings.filter(({ kind }) => kind === 'length')).toEqual([
      { kind: 'length', stepsPerEpoch: STEPS },
    ]);
  });

  test('on a GPU and with the result as older versions print it', () => {
    const text = [
      'Epoch: [2]  [ 490/5005]  eta: 0:10:00  lr: 0.1  img/s: 812.5  loss: nan (nan)  acc1: 0.0000 (0.1016)  acc5: 3.1250 (0.5141)  time: 0.3000  data: 0.0002  max mem: 3521',
      ' * Acc@1 12.500 Acc@5 25.000',
    ].join('\n');
    expect(readingsOfText(torchvisionOutput(), text)).toEqual([
      { kind: 'length', stepsPerEpoch: 5005 },
      {
        kind: 'step',
        step: 10_500,
        epoch: 2,
        metrics: {
          learningRate: 0.1,
          imagesPerSecond: 812.5,
          loss: Number.NaN,
          accuracy: 0,
          other: { acc5: 3.125 },
        },
      },
      {
        kind: 'epoch',
        epoch: 2,
        step: 15_015,
        metrics: {
          loss: Number.NaN,
          accuracy: expect.closeTo(0.001016, 9),
          validationAccuracy: 0.125,
          validationTop5: 0.25,
        },
      },
    ]);
  });

  test('of a real training has its length, its steps and both results of every epoch', () => {
    const real = readingsOfText(torchvisionOutput(), readFileSync(`${FOLDER}/train.txt`, 'utf8'));
    expect(real.slice(0, 2)).toEqual([
      { kind: 'length', epochs: 3 },
      { kind: 'length', stepsPerEpoch: 8 },
    ]);
    const steps = real.filter(({ kind }) => kind === 'step');
    expect(steps.map((reading) => reading.kind === 'step' && reading.step)).toEqual([
      0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22,
    ]);
    expect(steps.at(-1)).toMatchObject({
      metrics: { loss: 11.5684, accuracy: 0.125, learningRate: 0.05, imagesPerSecond: 16.813962915952814 },
    });
    expect(real.slice(-2)).toMatchObject([
      {
        ...{ kind: 'epoch', epoch: 2, step: 24 },
        metrics: { loss: 10.274, validationAccuracy: 0.14286, validationTop5: 0.71429 },
      },
      { kind: 'epoch', epoch: 2, metrics: { averagedAccuracy: 0.14286 } },
    ]);
    expect(real.filter(({ kind }) => kind === 'epoch')).toHaveLength(6);
  });

  test('of several processes has the images per second of all', () => {
    const line =
      'Epoch: [0]  [0/8]  eta: 0:00:19  lr: 0.05  img/s: 100.5  loss: 2.5784 (2.5784)  acc1: 0.0000 (0.0000)';
    const speed = (arguments_: string) => {
      const text = `Namespace(data_path='/data', epochs=3, test_only=False, ${arguments_})\n${line}`;
      const step = readingsOfText(torchvisionOutput(), text).find(({ kind }) => kind === 'step');
      return step?.kind === 'step' && step.metrics.imagesPerSecond;
    };
    expect(
      speed("world_size=4, dist_url='env://', rank=0, gpu=0, distributed=True, dist_backend='nccl'"),
    ).toBe(402);
    // --world-size is an option, which means nothing without a launcher.
    expect(speed("world_size=4, dist_url='env://', distributed=False")).toBe(100.5);
  });

  test('of another program with a Namespace gives no length', () => {
    const text =
      "Namespace(epochs=7, lr=0.1)\nNamespace(data_path='/d', start_epochs=7, test_only=True, epochs=7)";
    expect(readingsOfText(torchvisionOutput(), text)).toEqual([]);
  });

  test('of --test-only has no epoch, so it gives no reading', () => {
    expect(readingsOfText(torchvisionOutput(), 'Test:  Acc@1 69.758 Acc@5 89.078')).toEqual([]);
  });

  test('gives the same readings for any chunks', () => {
    const bytes = new TextEncoder().encode(OUTPUT);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 300 })), (sizes) => {
        expect(readingsOf(torchvisionOutput(), ...chunked(bytes, sizes))).toEqual(readings);
      }),
    );
  });
});
