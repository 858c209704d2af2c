import { describe, expect, test } from 'vitest';
import {
  formatDuration,
  formatLearningRate,
  formatLoss,
  formatPercent,
  formatSpeed,
  formatStepTick,
} from '../../webview/format';

describe('numbers as people read them', () => {
  test.each([
    [0, '0 s'],
    [-5, '0 s'],
    [44_600, '45 s'],
    [59_499, '59 s'],
    [59_500, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [3_599_600, '1 h 00 min'],
    [7_800_000, '2 h 10 min'],
  ])('%i ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test.each([
    [0.9123, '91.2%'],
    [1, '100.0%'],
    [0, '0.0%'],
  ])('a share of %f is %s', (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });

  test.each([
    [1.2345, '1.235'],
    [0.1, '0.100'],
    [0.01234, '0.0123'],
    [0, '0.000'],
    [Number.NaN, 'not a number'],
  ])('a loss of %f is %s', (loss, text) => {
    expect(formatLoss(loss)).toBe(text);
  });

  test.each([
    [0.4, '0.4'],
    [0.020833, '0.0208'],
    [0.000025, '2.5e-5'],
    [0, '0'],
  ])('a rate of %f is %s', (rate, text) => {
    expect(formatLearningRate(rate)).toBe(text);
  });

  test.each([
    [71.6, '72 images/s'],
    [2.345, '2.3 images/s'],
    [12_345, '12,345 images/s'],
  ])('%f a second is %s', (speed, text) => {
    expect(formatSpeed(speed)).toBe(text);
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
