import { expect, test } from 'vitest';
import { ratePlot } from '../../../src/cli/drawing/ratePlot';

test('draws the curve over decades without its explosion, and the marks below their learning rates', () => {
  const losses = [2, 2, 1.5, 1, 9];
  const points = losses.map((smoothed, index) => ({ learningRate: 10 ** (index - 3), loss: 0, smoothed }));
  const marks = [
    { letter: 'S', learningRate: 0.1 },
    { letter: 'M', learningRate: 0.01 },
  ];
  // The top line is 1.25 times the first loss.
  expect(ratePlot(points, marks, { width: 21, height: 4 })).toEqual([
    'Smoothed loss over base_lr',
    '2.5 |                    *',
    '    |*    *',
    '    |          *',
    '  1 |               *',
    '    +' + '+----+----+----+----+',
    '     1e-3 1e-2 1e-1 1e0  1e1',
    '               S',
    '          M',
  ]);
});

test('draws a single point', () => {
  const lines = ratePlot([{ learningRate: 0.5, loss: 1, smoothed: 1 }], [], { width: 10, height: 3 });
  expect(lines.filter((line) => line.includes('*'))).toHaveLength(1);
});
