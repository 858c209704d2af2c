import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events';
import { rangeTestRecipe } from '../../../src/recipe/rangeTest';
import { type RangeStep, rangeTestOf, readRangeTest } from '../../../src/study/rangeTest';
import { smallRecipe } from '../../support/smallTraining';

const STEPS = 200;

/** Steps from 1e-5 to 10, with the loss as a function of log10 of the learning rate. */
const stepsOf = (lossAt: (decade: number) => number, count = STEPS): RangeStep[] =>
  Array.from({ length: count }, (_, index) => {
    const decade = -5 + (6 * index) / (STEPS - 1);
    return { learningRate: 10 ** decade, loss: lossAt(decade) };
  });

/** Flat at 2.3, falls along a logistic curve around `middle`, and rises steeply from `end` on. */
const typical = (middle: number, end: number) => (decade: number) =>
  2.3 - 1.5 / (1 + Math.exp(-6 * (decade - middle))) + (decade > end ? 20 * (decade - end) ** 2 : 0);

const decadeOf = (found: { ok: boolean; learningRate?: number }) =>
  Math.log10(found.learningRate ?? Number.NaN);

describe('the suggestions of a range test', () => {
  test('are near the steepest descent and a tenth of the minimum', () => {
    const { steepest, tenthOfMinimum } = readRangeTest(stepsOf(typical(-2, 0)), STEPS);
    expect(steepest.ok && tenthOfMinimum.ok).toBe(true);
    // The moving average lags by about ten steps, 0.3 decades.
    expect(decadeOf(steepest)).toBeGreaterThan(-2);
    expect(decadeOf(steepest)).toBeLessThan(-1.6);
    expect(decadeOf(tenthOfMinimum)).toBeGreaterThan(-1.1);
    expect(decadeOf(tenthOfMinimum)).toBeLessThan(-0.7);
  });

  test('lie on the descent, whatever the noise of batches', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), { minLength: STEPS, maxLength: STEPS }),
        (noise) => {
          const steps = stepsOf(typical(-2, 0)).map(({ learningRate, loss }, index) => ({
            learningRate,
            loss: loss + noise[index]!,
          }));
          const { steepest, tenthOfMinimum } = readRangeTest(steps, STEPS);
          expect(decadeOf(steepest)).toBeGreaterThan(-2.6);
          expect(decadeOf(steepest)).toBeLessThan(-1);
          expect(decadeOf(tenthOfMinimum)).toBeGreaterThan(-2.3);
          expect(decadeOf(tenthOfMinimum)).toBeLessThan(-0.7);
        },
      ),
    );
  });

  test('do not come from a second drop after the first rise', () => {
    const steps = stepsOf((decade) => (decade < -1 ? typical(-2, -1.3)(decade) : 0.1));
    const { steepest } = readRangeTest(steps, STEPS);
    expect(decadeOf(steepest)).toBeLessThan(-1.5);
  });

  test('omit the minimum if the loss still falls at the end', () => {
    const result = readRangeTest(stepsOf(typical(0.5, 9)), STEPS);
    expect(result.hasExploded).toBe(false);
    expect(result.steepest.ok).toBe(true);
    expect(result.tenthOfMinimum).toEqual({ ok: false, reason: 'still_falling' });
  });

  test('are none if the loss never fell, or exploded at once', () => {
    const flat = readRangeTest(
      stepsOf(() => 2.3),
      STEPS,
    );
    expect(flat.steepest).toEqual({ ok: false, reason: 'never_fell' });
    expect(flat.tenthOfMinimum).toEqual({ ok: false, reason: 'never_fell' });
    const early = readRangeTest(stepsOf(typical(-2, 0), 25), STEPS);
    expect(early.hasExploded).toBe(true);
    expect(early.steepest).toEqual({ ok: false, reason: 'too_few_steps' });
    expect(readRangeTest([], STEPS).steepest).toEqual({ ok: false, reason: 'too_few_steps' });
  });
});

test("a run's log is read in base learning rates, from the start of the last trainer on", () => {
  const plain = smallRecipe();
  // Its learning rates are four times its base learning rates.
  const recipe = rangeTestRecipe(
    plain,
    { from: 0.01, to: 1, steps: 40 },
    plain.schedule.peakLearningRate / 4,
    'a',
  );
  const step = (learningRate: number, loss: number) =>
    ({
      type: 'step',
      time: 0,
      step: 0,
      epoch: 0,
      learningRate,
      loss,
      accuracy: 0,
      imagesPerSecond: 1,
    }) as const;
  const started = { type: 'started' } as RunEvent;
  const { points } = rangeTestOf([started, step(8, 9), started, step(0.04, 2), step(4, 1)], recipe, 1);
  expect(points.map(({ learningRate, loss }) => ({ learningRate, loss }))).toEqual([
    { learningRate: 0.01, loss: 2 },
    { learningRate: 1, loss: 1 },
  ]);
});
