import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { lightningMetrics } from '../../../../src/interop/output/lightningOutput';
import { readingsOfText } from './chunks';

const FOLDER = 'test/fixtures/trainers/lightning';
const METRICS = readFileSync(`${FOLDER}/metrics.csv`, 'utf8');

interface Logged {
  readonly train: readonly Readonly<Record<'step' | 'epoch' | 'loss' | 'noise', number>>[];
  readonly validation: readonly Readonly<Record<'epoch' | 'val_loss' | 'val_acc', number>>[];
}
const LOGGED: Logged = JSON.parse(readFileSync(`${FOLDER}/logged.json`, 'utf8'));
/** Lightning keeps metrics as 32-bit floats. */
const float = Math.fround;

describe("Lightning's metrics.csv", () => {
  const readings = readingsOfText(lightningMetrics(), METRICS);

  test('has the steps that were logged, with the accuracy and the learning rate', () => {
    const steps = readings.filter(({ kind }) => kind === 'step');
    const logged = LOGGED.train.filter(({ step }) => step % 2 === 1);
    expect(
      steps.filter((reading) => !('learningRate' in ('metrics' in reading ? reading.metrics : {}))),
    ).toEqual(
      logged.map(({ step, epoch, loss, noise }) => ({
        kind: 'step',
        step,
        epoch,
        metrics: { loss: float(loss), accuracy: float(noise), other: { gradient_noise: float(noise) } },
      })),
    );
    expect(steps).toContainEqual({ kind: 'step', step: 0, epoch: null, metrics: { learningRate: 0.1 } });
    expect(steps).toContainEqual({ kind: 'step', step: 5, epoch: null, metrics: { learningRate: 0.05 } });
    expect(steps).toHaveLength(7);
  });

  test('has the validation and the mean of the training metrics of each epoch', () => {
    const expected = LOGGED.validation.flatMap(({ epoch, val_loss, val_acc }) => {
      const noises = LOGGED.train.filter((each) => each.epoch === epoch).map(({ noise }) => noise);
      const mean = noises.reduce((sum, noise) => sum + noise, 0) / noises.length;
      const row = { kind: 'epoch', epoch, step: 5 * (epoch + 1) };
      return [
        { ...row, metrics: { validationLoss: float(val_loss), validationAccuracy: float(val_acc) } },
        { ...row, metrics: { accuracy: expect.closeTo(mean, 6) } },
      ];
    });
    expect(readings.filter(({ kind }) => kind === 'epoch')).toEqual(expected);
  });

  test('gives the first readings again when it has grown', () => {
    for (let length = 0; length <= METRICS.length; length++) {
      const part = readingsOfText(lightningMetrics(), METRICS.slice(0, length));
      expect(readings.slice(0, part.length)).toEqual(part);
    }
  });

  test('may come with columns in the order of older versions', () => {
    expect(readingsOfText(lightningMetrics(), 'train_loss,step,epoch\n0.5,9,0\n')).toEqual([
      { kind: 'step', step: 9, epoch: 0, metrics: { loss: 0.5 } },
    ]);
  });

  test.each(['', 'a,b\n1,2\n', 'epoch,loss\n0,1\n'])('is not %j', (text) => {
    expect(readingsOfText(lightningMetrics(), text)).toEqual([]);
  });
});
