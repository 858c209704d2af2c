import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  classificationMetrics,
  confusionMatrix,
  correctness,
  emptyPredictions,
  mostWrong,
  type Predictions,
  predictImage,
} from '../../../src/protocol/classificationMetrics';
import sklearn from '../../fixtures/metrics/metrics.json';

function predictionsOf(labels: readonly number[], logits: readonly number[], classes: number): Predictions {
  const predictions = emptyPredictions(labels.length);
  for (const [image, label] of labels.entries()) {
    predictImage(predictions, image, label, logits, image, classes);
  }
  return predictions;
}

const rounded = (values: readonly (number | null)[]) =>
  values.map((value) => (value === null ? null : expect.closeTo(value, 12)));

describe('scikit-learn and PyTorch agree', () => {
  test.each(sklearn.cases)('on $name', (their) => {
    const { classes } = their;
    const predictions = predictionsOf(their.labels, their.logits, classes);
    const ours = classificationMetrics(predictions, classes);
    expect(ours.images).toBe(their.labels.length);
    expect(ours.accuracy).toBeCloseTo(their.accuracy, 12);
    expect(ours.top5).toEqual(their.top5);
    expect(ours.macroF1).toBeCloseTo(their.macroF1, 12);
    expect(ours.balancedAccuracy).toBeCloseTo(their.balancedAccuracy, 12);
    // scikit-learn returns NaN for a zero division. Ours is null.
    for (const number of ['precision', 'recall', 'f1', 'support'] as const) {
      expect(ours.classes.map((each) => each[number])).toEqual(rounded(their[number]));
    }
    for (const [image, loss] of their.losses.entries()) {
      expect(predictions.losses[image]).toBeCloseTo(loss, 5);
    }
    expect([...confusionMatrix(predictions, classes)]).toEqual(their.confusion);
  });
});

test('for equal scores the first class counts, for top-1 as for top-5', () => {
  const same = Array<number>(8).fill(0.25);
  const predictions = predictionsOf([0, 4, 5], [...same, ...same, ...same], 8);
  expect([...predictions.predicted]).toEqual([0, 0, 0]);
  expect([...predictions.ranks]).toEqual([0, 4, 5]);
  const { accuracy, top5 } = classificationMetrics(predictions, 8);
  expect([accuracy, top5]).toEqual([1 / 3, 2 / 3]);
});

test('scores too large for exp still have losses', () => {
  const { losses } = predictionsOf([0, 1], [1000, -1000, 1000, -1000], 2);
  expect([...losses]).toEqual([0, 2000]);
});

test('no number is NaN or infinite, whichever classes exist', () => {
  const split = fc.integer({ min: 1, max: 9 }).chain((classes) => {
    const image = fc.record({
      label: fc.nat({ max: classes - 1 }),
      scores: fc.array(fc.float({ min: -50, max: 50, noNaN: true }), {
        minLength: classes,
        maxLength: classes,
      }),
    });
    return fc.tuple(fc.constant(classes), fc.array(image, { minLength: 1, maxLength: 20 }));
  });
  fc.assert(
    fc.property(split, ([classes, images]) => {
      const predictions = predictionsOf(
        images.map(({ label }) => label),
        images.flatMap(({ scores }) => scores),
        classes,
      );
      const { classes: byClass, ...metrics } = classificationMetrics(predictions, classes);
      const numbers = [...Object.values(metrics), ...byClass.flatMap((each) => Object.values(each))];
      for (const value of numbers) expect(value === null || Number.isFinite(value), `${value}`).toBe(true);
      for (const [image, rank] of predictions.ranks.entries()) {
        expect(rank === 0).toBe(predictions.predicted[image] === predictions.labels[image]);
      }
      expect(byClass.reduce((sum, { support }) => sum + support, 0)).toBe(images.length);
      expect(confusionMatrix(predictions, classes).reduce((sum, count) => sum + count, 0)).toBe(
        images.length,
      );
    }),
  );
});

test('the most wrong images have the highest loss, in order if equal', () => {
  const logits = [3, 0, 0, 3, 5, 0, 0, 3, 0, 3];
  const predictions = predictionsOf([0, 0, 1, 0, 1], logits, 2);
  expect(mostWrong(predictions, 3)).toEqual([2, 1, 3]);
  expect(mostWrong(predictions, 36)).toEqual([2, 1, 3, 0, 4]);
  expect([...correctness(predictions)]).toEqual([1, 0, 0, 0, 1]);
});
