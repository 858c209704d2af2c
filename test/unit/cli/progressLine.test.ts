import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepFields } from '../../../src/cli/drawing/progress';
import { progressLine } from '../../../src/cli/drawing/progressLine';
import type { Recipe } from '../../../src/recipe/recipe';

const step = {
  type: 'step',
  epoch: 1,
  step: 139,
  learningRate: 0.0123,
  loss: 0.6543,
  accuracy: 0.5405,
  imagesPerSecond: 1234,
  time: 0,
} as const;
const recipe = {
  ...{ epochs: 12, schedule: { totalSteps: 1116 } },
  ...{ data: { batchSize: 2048 }, gradients: { accumulation: 1 } },
} as unknown as Recipe;
const length = { epochs: recipe.epochs, totalSteps: recipe.schedule.totalSteps };
const lineAt = (columns: number, left: number | null = 605) =>
  progressLine(columns, (step.step + 1) / recipe.schedule.totalSteps, stepFields(step, recipe, length, left));

const whole =
  'epoch 2/12  step 140/1116  loss 0.654  lr 0.0123  acc 54.05%  1,234 images/s  10 min 05 s left';

test.each([
  [40, '█░░░░░░░░░  acc 54.05%  10 min 05 s left'],
  [60, '█░░░░░░░░  12%  acc 54.05%  1,234 images/s  10 min 05 s left'],
  [80, '░░░░░  12%  epoch 2/12  loss 0.654  acc 54.05%  1,234 images/s  10 min 05 s left'],
  [120, `██░░░░░░░░░░░░░░░░░  12%  ${whole}`],
  [200, `███░░░░░░░░░░░░░░░░░░░░░░░░░░░  12%  ${whole}`],
])('a step in %i columns keeps accuracy, time left and speed the longest', (columns, line) => {
  expect(lineAt(columns)).toBe(line);
});

test('a step with short numbers keeps its speed in 40 columns', () => {
  expect(lineAt(40, 9)).toBe('acc 54.05%  1,234 images/s  9 s left');
});

const fields = fc.array(fc.record({ text: fc.string({ minLength: 1, maxLength: 30 }), rank: fc.nat(9) }), {
  minLength: 1,
});

test('a line fits, or is only the field of the lowest rank', () => {
  fc.assert(
    fc.property(fc.nat(150), fc.double({ min: 0, max: 1, noNaN: true }), fields, (columns, share, given) => {
      const line = progressLine(columns, share, given);
      const lowest = Math.min(...given.map(({ rank }) => rank));
      if (line.length > columns) {
        expect(given.filter(({ rank }) => rank === lowest).map(({ text }) => text)).toContain(line);
      }
    }),
  );
});

test('a bar fills with the progress', () => {
  const filled = (share: number) => progressLine(12, share, [{ text: 'x', rank: 0 }]);
  expect([-1, 0, 0.49, 0.5, 0.99, 1, 2].map(filled)).toEqual([
    '░░░░░░░░░  x',
    '░░░░░░░░░  x',
    '████░░░░░  x',
    '████░░░░░  x',
    '████████░  x',
    '█████████  x',
    '█████████  x',
  ]);
});
