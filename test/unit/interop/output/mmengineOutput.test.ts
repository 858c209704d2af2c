import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mmengineScalars } from '../../../../src/interop/output/mmengineOutput';
import { chunked, readingsOf, readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers/mmengine';
const read = (name: string) => readFileSync(`${FOLDER}/${name}`);

interface Logged {
  readonly losses: readonly number[];
  readonly validation: readonly { readonly top1: number; readonly top5: number }[];
}
const LOGGED: Readonly<Record<'epochs' | 'iterations', Logged>> = JSON.parse(read('logged.json').toString());

describe("MMEngine's scalars.json", () => {
  test('of a training by epochs counts them and the steps from 0', () => {
    const { losses, validation } = LOGGED.epochs;
    expect(losses).toHaveLength(8);
    // 4 steps in each of 2 epochs, of which every second is logged.
    const step = (index: number, learningRate: number) => ({
      kind: 'step',
      step: index,
      epoch: Math.floor(index / 4),
      metrics: { loss: losses[index], learningRate },
    });
    const epoch = (index: number) => ({
      kind: 'epoch',
      epoch: index,
      step: null,
      metrics: {
        validationAccuracy: (validation[index]?.top1 ?? Number.NaN) / 100,
        validationTop5: (validation[index]?.top5 ?? Number.NaN) / 100,
      },
    });
    expect(readingsOf(mmengineScalars(), read('epochs.json'))).toEqual([
      ...[step(1, 0.1), step(3, 0.1), epoch(0)],
      ...[step(5, 0.05), step(7, 0.05), epoch(1)],
    ]);
  });

  test('of a training by iterations has validations by their steps', () => {
    const { losses, validation } = LOGGED.iterations;
    const readings = readingsOf(mmengineScalars(), read('iterations.json'));
    expect(readings).toMatchObject([
      { kind: 'step', step: 1, epoch: null, metrics: { loss: losses[1] } },
      { kind: 'step', step: 2, metrics: { validationAccuracy: (validation[0]?.top1 ?? 0) / 100 } },
      { kind: 'step', step: 3, metrics: { loss: losses[3] } },
      { kind: 'step', step: 5, metrics: { loss: losses[5] } },
      { kind: 'step', step: 5, metrics: { validationAccuracy: (validation[1]?.top1 ?? 0) / 100 } },
    ]);
  });

  test('keeps a loss that is not a number, and other metrics by their names', () => {
    const text =
      '{"lr": 0.1, "loss": NaN, "grad_norm": Infinity, "epoch": 1, "iter": 1, "step": 1}\n{"single-label/f1-score": 50.5, "step": 1}\n';
    expect(readingsOfText(mmengineScalars(), text)).toEqual([
      {
        kind: 'step',
        step: 0,
        epoch: 0,
        metrics: { learningRate: 0.1, loss: Number.NaN, other: { grad_norm: Number.POSITIVE_INFINITY } },
      },
      { kind: 'epoch', epoch: 0, step: null, metrics: { other: { 'single-label/f1-score': 50.5 } } },
    ]);
  });

  test('of a validation only gives no reading', () => {
    expect(
      readingsOfText(
        mmengineScalars(),
        '{"accuracy/top1": 50, "step": 0}\n{"accuracy/top1": 50, "step": 9}\n',
      ),
    ).toEqual([]);
  });

  test('gives the same readings for any chunks, and no error for garbage', () => {
    const bytes = read('epochs.json');
    const whole = readingsOf(mmengineScalars(), bytes);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 99 })), fc.string(), (sizes, garbage) => {
        expect(readingsOf(mmengineScalars(), ...chunked(bytes, sizes))).toEqual(whole);
        readingsOfText(mmengineScalars(), `${garbage}\n{${garbage}}\n{"step": 1, "x": ${garbage}}`);
      }),
    );
  });
});
