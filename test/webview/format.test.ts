import { describe, expect, test } from 'vitest';
import { formatLearningRate, formatLoss, formatStepTick } from '../../webview/format';

describe('numbers as people read them', () => {
  test.each([
    [1.2345, '1.235'],
    [0.1, '0.100'],
    [0.01234, '0.0123'],
    [0, '0.000'],
    [Number.NaN, 'not finite'],
  ])('a loss of %f is %s', (loss, text) => {
    expect(formatLoss(loss)).toBe(text);
  });

  test.each([
    [0.4, '0.4'],
    [0.020833, '0.0208'],
    [0.000025, '2.5e-5'],
    [0, '0'],
  ])('a learning rate of %f is %s', (rate, text) => {
    expect(formatLearningRate(rate)).toBe(text);
  });

  test.each([
    [450, '450'],
    [9_500, '9,500'],
    [12_500, '12.5K'],
    [100_000, '100K'],
  ])('step %i on an axis is %s', (step, text) => {
    expect(formatStepTick(step)).toBe(text);
  });
});
