import { expect, test } from 'vitest';
import { lossText } from '../../../src/protocol/lossText';

test('a loss of two terms is shown with each apart, weighted as they count', () => {
  const format = (loss: number) => loss.toFixed(2);
  expect(lossText(0.41, undefined, format)).toBe('0.41');
  expect(lossText(923.06, 0.41, format)).toBe('923.06 (labels 0.41 + distillation 922.65)');
});
