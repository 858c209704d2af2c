import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reading } from '../../../../src/interop/output/reading';
import { timmLog, timmSources, timmSummary } from '../../../../src/interop/output/timmOutput';
import { chunked, readingsOf, readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers/timm';
const read = (name: string) => readFileSync(`${FOLDER}/${name}`, 'utf8');

/** A result as train.py prints it at its end, in JSON. Accuracies are in percent. */
interface Result {
  readonly epoch: number;
  readonly train: { readonly loss: number };
  readonly validation: { readonly loss: number; readonly top1: number; readonly top5: number };
}

/** Returns the results that train.py prints at the end of each of its runs, by epoch. */
function resultsIn(output: string): Result[] {
  const lists = [...output.matchAll(/^--result\n(\[[\s\S]*?^\])/gm)].map(([, json = '']): Result[] =>
    JSON.parse(json),
  );
  return lists.flat().sort((a, b) => a.epoch - b.epoch);
}

const epochsOf = (readings: readonly Reading[]) => readings.filter(({ kind }) => kind === 'epoch');

describe("timm's summary.csv", () => {
  test('has the results that train.py prints at its end, also those after a resume', () => {
    const results = resultsIn(read('output.txt'));
    expect(results.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    const readings = readingsOfText(timmSummary(false), read('summary.csv'));
    expect(readings).toEqual(
      results.map(({ epoch, train, validation }) => ({
        kind: 'epoch',
        epoch,
        step: null,
        metrics: {
          loss: train.loss,
          validationLoss: validation.loss,
          validationAccuracy: validation.top1 / 100,
          validationTop5: validation.top5 / 100,
          // Cosine decay from 0.1 over 2 epochs, and over 3 after the resume: 0.1 * (1 + cos(pi * 2 / 3)) / 2.
          learningRate: expect.closeTo([0.1, 0.05, 0.025][epoch] ?? 0, 12),
        },
      })),
    );
  });

  test('has the accuracy with the moving average, if there is one', () => {
    const results = resultsIn(read('averaged.txt'));
    expect(results).toHaveLength(2);
    const readings = readingsOfText(timmSummary(true), read('averaged.csv'));
    expect(readings).toMatchObject(
      results.map(({ epoch, validation }) => ({
        epoch,
        metrics: { averagedAccuracy: validation.top1 / 100 },
      })),
    );
    expect(readings.every(({ kind }) => kind === 'epoch')).toBe(true);
    for (const reading of readings) expect(reading).not.toHaveProperty('metrics.validationAccuracy');
  });

  test('gives no row that its writer has not finished', () => {
    const text = read('summary.csv');
    const all = readingsOfText(timmSummary(false), text);
    for (let length = 0; length <= text.length; length++) {
      const readings = readingsOfText(timmSummary(false), text.slice(0, length));
      expect(all.slice(0, readings.length)).toEqual(readings);
    }
  });

  test('is not any CSV file with this name', () => {
    expect(readingsOfText(timmSummary(false), 'epoch,loss\n0,1\n')).toEqual([]);
  });

  test('keeps a loss that is not a number', () => {
    const text = 'epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n3,nan,inf,0.1,0.5,0.1\n';
    expect(readingsOfText(timmSummary(false), text)).toMatchObject([
      {
        epoch: 3,
        metrics: { loss: Number.NaN, validationLoss: Number.POSITIVE_INFINITY, validationAccuracy: 0.001 },
      },
    ]);
  });
});

describe("timm's log", () => {
  test('has the steps, the length and the checkpoints, but not the epochs', () => {
    // Values by hand from output.txt.
    const step = (
      epoch: number,
      index: number,
      loss: number,
      learningRate: number,
      imagesPerSecond: number,
    ) => ({
      kind: 'step',
      step: epoch * 4 + index,
      epoch,
      metrics: { loss, learningRate, imagesPerSecond },
    });
    expect(readingsOfText(timmLog(false), read('output.txt'))).toEqual([
      { kind: 'length', epochs: 2 },
      { kind: 'length', stepsPerEpoch: 4 },
      step(0, 0, 1.85, 0.1, 0.94),
      step(0, 2, 1.71, 0.1, 3.1),
      step(0, 3, 1.84, 0.1, 0.9),
      { kind: 'checkpoint', path: './plain/checkpoint-0.pth.tar' },
      step(1, 0, 2.49, 0.05, 1.59),
      step(1, 2, 1.48, 0.05, 3.48),
      step(1, 3, 2.58, 0.05, 2.18),
      { kind: 'checkpoint', path: './plain/checkpoint-1.pth.tar' },
      { kind: 'length', epochs: 3 },
      step(2, 0, 1.98, 0.025, 5.37),
      step(2, 2, 1.52, 0.025, 21.35),
      step(2, 3, 1.78, 0.025, 17.1),
      { kind: 'checkpoint', path: './plain/checkpoint-2.pth.tar' },
    ]);
  });

  test("has the accuracy of the network's own weights, if there is a moving average", () => {
    expect(epochsOf(readingsOfText(timmLog(true), read('averaged.txt')))).toEqual([
      {
        kind: 'epoch',
        epoch: 0,
        step: 4,
        metrics: { validationLoss: 2.617, validationAccuracy: 0.5, validationTop5: 0.83333 },
      },
      {
        kind: 'epoch',
        epoch: 1,
        step: 8,
        metrics: { validationLoss: 1.768, validationAccuracy: 0.5, validationTop5: 0.83333 },
      },
    ]);
  });

  test('reads the step of a large training', () => {
    const line =
      'Train: 12 [1200/1251 ( 96%)]  Loss: nan (nan)  Time: 0.512s, 2000.00/s  (0.500s, 2048.00/s)  LR: 9.871e-04  Data: 0.010 (0.012)';
    expect(readingsOfText(timmLog(false), line)).toEqual([
      { kind: 'length', stepsPerEpoch: 1251 },
      {
        kind: 'step',
        step: 16212,
        epoch: 12,
        metrics: { loss: Number.NaN, learningRate: 9.871e-4, imagesPerSecond: 2000 },
      },
    ]);
  });

  test('does not take a tuple elsewhere for a checkpoint', () => {
    expect(readingsOfText(timmLog(false), " ('a.pth', 1.0)\n")).toEqual([]);
  });

  test('gives the same readings for any chunks', () => {
    const bytes = readFileSync(`${FOLDER}/averaged.txt`);
    const whole = readingsOf(timmLog(true), bytes);
    expect(whole.length).toBeGreaterThan(8);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 300 })), (sizes) => {
        expect(readingsOf(timmLog(true), ...chunked(bytes, sizes))).toEqual(whole);
      }),
    );
  });
});

test('no epoch and metric is in both the log and summary.csv', () => {
  for (const averaged of [false, true]) {
    const name = averaged ? 'averaged' : 'output';
    const [log, summary] = timmSources(averaged).map(({ reader }) => reader());
    if (!log || !summary) throw new Error('There are two sources');
    const told = [
      ...epochsOf(readingsOfText(log, read(`${name}.txt`))),
      ...epochsOf(readingsOfText(summary, read(averaged ? 'averaged.csv' : 'summary.csv'))),
    ].flatMap((reading) =>
      reading.kind === 'epoch' ? Object.keys(reading.metrics).map((key) => `${reading.epoch} ${key}`) : [],
    );
    expect(told.length).toBeGreaterThan(5);
    expect(new Set(told).size).toBe(told.length);
  }
});
