import { expect, test } from 'vitest';
import { modelTrials } from '../../../../src/study/search/model';

const RUNGS = [1, 3, 9];
const values = { 'optimizer.base_lr': 0.1 };
const trial = (id: number, results: readonly (number | null)[], isRunning = false) => ({
  ...{ id, values, results, isRunning },
});
const TRIALS = [
  trial(0, [50, 60, 70]),
  trial(1, [40]),
  trial(2, [45, null]),
  trial(3, [null]),
  trial(4, [], true),
  trial(5, [30, 55], true),
];

test('TPE sees whole trainings as complete and others as pruned where they are', () => {
  expect(modelTrials('tpe', TRIALS, RUNGS)).toEqual([
    {
      id: 0,
      values,
      state: 'complete',
      value: 70,
      steps: [
        [1, 50],
        [3, 60],
        [9, 70],
      ],
    },
    { id: 1, values, state: 'pruned', value: null, steps: [[1, 40]] },
    { id: 2, values, state: 'pruned', value: null, steps: [[1, 45]] },
    { id: 3, values, state: 'failed', value: null, steps: [] },
    { id: 4, values, state: 'running', value: null, steps: [] },
    {
      id: 5,
      values,
      state: 'pruned',
      value: null,
      steps: [
        [1, 30],
        [3, 55],
      ],
    },
  ]);
});

test('CMA-ES sees all trials at the first rung', () => {
  const seen = modelTrials('cmaes', TRIALS, RUNGS);
  expect(seen.map(({ state, value }) => [state, value])).toEqual([
    ['complete', 50],
    ['complete', 40],
    ['complete', 45],
    ['failed', null],
    ['running', null],
    ['complete', 30],
  ]);
});

test('GP sees trials at the highest rung that is full enough', () => {
  // Four trials are twice what a model with one parameter needs.
  const four = [0, 1, 2, 3].map((id) => trial(id, [10 + id, 20 + id]));
  expect(modelTrials('gp', four, RUNGS).map(({ value }) => value)).toEqual([20, 21, 22, 23]);
  expect(modelTrials('gp', four.slice(1), RUNGS).map(({ value }) => value)).toEqual([11, 12, 13]);
});
