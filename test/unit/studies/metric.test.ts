import { describe, expect, test } from 'vitest';
import type { EpochEvent, StepEvent } from '../../../src/protocol/standing';
import { median, metricAtEnd, metricFacts } from '../../../src/studies/metric';

const epoch: EpochEvent = {
  ...{ type: 'epoch', time: 0, epoch: 4, step: 40, seconds: 2 },
  ...{ trainLoss: 0.5, trainAccuracy: 0.9, validationLoss: 0.75, validationAccuracy: 0.8125 },
  ...{ macroF1: 0.8, balancedAccuracy: 0.7, validationTop5: 0.99 },
};
const steps = [300, 100, 200, 1000].map(
  (imagesPerSecond, step): StepEvent => ({
    ...{ type: 'step', time: 0, step, epoch: 0, learningRate: 0.1, loss: 1, accuracy: 0.5, imagesPerSecond },
  }),
);

describe('the metric of a run', () => {
  test.each([
    ['validation_accuracy', 81.25],
    ['averaged_accuracy', 81.25],
    ['validation_loss', 0.75],
    ['macro_f1', 80],
    ['balanced_accuracy', 70],
    ['validation_top5', 99],
    ['train_loss', 0.5],
    ['images_per_second', 250],
    ['learning_rate', 0.1],
    ['nothing', null],
  ])('%s is that of its last epoch, accuracies in points', (name, value) => {
    const found = metricAtEnd(name, { epoch, steps });
    if (value === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(value, 10);
  });

  test('is of the averaged weights if there are some', () => {
    const averaged = { ...epoch, averagedAccuracy: 0.9 };
    expect(metricAtEnd('averaged_accuracy', { epoch: averaged, steps })).toBeCloseTo(90, 10);
    expect(metricAtEnd('validation_accuracy', { epoch: averaged, steps })).toBeCloseTo(81.25, 10);
  });

  test('is better when it is higher, but for losses and times; only accuracies have right and wrong images', () => {
    for (const name of ['validation_loss', 'train_loss', 'seconds']) {
      expect(metricFacts(name)).toEqual({ name, higherIsBetter: false, isAccuracy: false });
    }
    expect(metricFacts('images_per_second')).toMatchObject({ higherIsBetter: true, isAccuracy: false });
    expect(metricFacts('averaged_accuracy')).toMatchObject({ higherIsBetter: true, isAccuracy: true });
  });

  test('has a median of even and odd counts, and of none', () => {
    expect([[3, 1, 2], [4, 1, 3, 2], []].map(median)).toEqual([2, 2.5, null]);
  });
});
