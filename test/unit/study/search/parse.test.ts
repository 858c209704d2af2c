import { describe, expect, test } from 'vitest';
import { searchProblems } from '../../../../src/study/search/check';
import { isSearch, parseSearch } from '../../../../src/study/search/parse';
import { experimentText } from '../../../support/smallTraining';

const FILE = 'tune.study.yaml';
const TEXT = `name: tune-lr
experiment: small.experiment.yaml
search:
  optimizer.base_lr: { log: [0.01, 1] }
  optimizer.weight_decay: { range: [0, 0.001] }
  data.batch_size: { integers: [8, 32] }
  model.width: [2, 4]
  mixup: [off, on, { alpha: 0.4 }]
budget: { trials: 16 }
`;

/** Returns each problem as `line: what remedy`. */
const problemsOf = (text: string, experiment = experimentText()) => {
  const reading = parseSearch(text, FILE);
  const problems = reading.ok
    ? searchProblems(reading.search, reading.document, {
        text: experiment,
        fileName: 'small.experiment.yaml',
      })
    : reading.problems;
  return problems.map(({ range, what, remedy }) => `${range.start.line + 1}: ${what} ${remedy}`);
};

describe('a search file', () => {
  test('is read with its defaults', () => {
    const reading = parseSearch(TEXT, FILE);
    expect(reading.ok && reading.search).toEqual({
      name: 'tune-lr',
      experiment: 'small.experiment.yaml',
      parameters: [
        {
          ...{ kind: 'range', key: 'optimizer.base_lr', path: ['optimizer', 'base_lr'] },
          ...{ low: 0.01, high: 1, isLog: true, isInteger: false },
        },
        {
          ...{ kind: 'range', key: 'optimizer.weight_decay', path: ['optimizer', 'weight_decay'] },
          ...{ low: 0, high: 0.001, isLog: false, isInteger: false },
        },
        {
          ...{ kind: 'range', key: 'data.batch_size', path: ['data', 'batch_size'] },
          ...{ low: 8, high: 32, isLog: false, isInteger: true },
        },
        {
          ...{ kind: 'choices', key: 'model.width', path: ['model', 'width'] },
          choices: [
            { label: 2, value: 2 },
            { label: 4, value: 4 },
          ],
        },
        {
          ...{ kind: 'choices', key: 'mixup', path: ['tricks', 'mixup'] },
          choices: [
            { label: 'off', value: false },
            { label: 'on', value: true },
            { label: '{"alpha":0.4}', value: { alpha: 0.4 } },
          ],
        },
      ],
      budget: { trials: 16 },
      ...{ seeds: 1, rungs: 'auto', reduction: 3, sampler: 'quasi_random' },
      ...{ metric: 'validation_accuracy', seed: 1, atOnce: 1 },
    });
    expect(problemsOf(TEXT)).toEqual([]);
  });

  test('is JSON by its name', () => {
    const text =
      '{ "name": "a", "experiment": "b.json", "search": { "mixup": [false, true] }, "budget": { "hours": 0.5 } }';
    const reading = parseSearch(text, 'a.study.json');
    expect(reading.ok && reading.search.budget).toEqual({ hours: 0.5 });
  });

  test('is distinguished from a study', () => {
    expect(isSearch({ search: {} })).toBe(true);
    expect(isSearch({ factors: [] })).toBe(false);
    expect(isSearch({ search: {}, factors: [] })).toBe(false);
    expect(isSearch(null)).toBe(false);
  });
});

/** Returns TEXT with one line replaced by another. */
const with_ = (line: string, other: string) => {
  expect(TEXT).toContain(line);
  return TEXT.replace(line, other);
};

describe('an error of a search is reported at its place, with a remedy:', () => {
  test.each([
    ['a list', '[]', '1: This is not a search. Write name, experiment, search and budget as keys.'],
    [
      'a key that is misspelled',
      `${TEXT}samplers: tpe\n`,
      '10: A search has no key samplers. Did you mean sampler?',
    ],
    [
      'no budget',
      with_('budget: { trials: 16 }\n', ''),
      '1: budget is missing. Write budget: { trials: 16 } or budget: { hours: 2 }.',
    ],
    [
      'two budgets',
      with_('{ trials: 16 }', '{ trials: 16, hours: 2 }'),
      '9: A budget sets either trials or hours. Write budget: { trials: 16 } or budget: { hours: 2 }.',
    ],
    ['half a trial', with_('16', '1.5'), '9: budget.trials must be a whole number. Write 1 or more.'],
    ['a reduction by 1', `${TEXT}reduction: 1\n`, '10: reduction must be a whole number. Write 2 or more.'],
    ['an unknown sampler', `${TEXT}sampler: tpee\n`, '10: sampler cannot be "tpee". Did you mean tpe?'],
    [
      'a range that falls',
      with_('[0.01, 1]', '[1, 0.01]'),
      '4: 1 is not below 0.01. Write the lower number first.',
    ],
    [
      'the logarithm of 0',
      with_('[0.01, 1]', '[0, 1]'),
      '4: 0 has no logarithm. Start above 0, or write range.',
    ],
    [
      'a range of one number',
      with_('[0.01, 1]', '[1]'),
      '4: log needs a lowest and a highest number. Write log: [0.01, 1].',
    ],
    [
      'no range',
      with_('{ log: [0.01, 1] }', '0.1'),
      '4: optimizer.base_lr needs a range or choices. Write log: [0.01, 1], range: [0, 1], integers: [1, 8] or a list of values.',
    ],
    [
      'one choice',
      with_('[2, 4]', '[2]'),
      '7: model.width has fewer than two choices. Write two or more, or remove it.',
    ],
    [
      'a choice twice',
      with_('[2, 4]', '[2, 2]'),
      '7: model.width has this choice twice. Remove one of them.',
    ],
    [
      'a trick with a number',
      with_('[off, on, { alpha: 0.4 }]', '[off, 0.4]'),
      '8: This is not a choice for the trick mixup. Write off, on, or its options in braces.',
    ],
    [
      'the epochs',
      with_('model.width: [2, 4]', 'schedule.epochs: [2, 4]'),
      '7: schedule.epochs cannot be searched. The rungs determine how long a trial trains.',
    ],
    [
      'nothing to search over',
      'name: a\nexperiment: b\nsearch: {}\nbudget: { trials: 2 }\n',
      '3: There is nothing to search over. Add keys with ranges or choices, such as optimizer.base_lr: { log: [0.01, 1] }.',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test.each([
    [
      'a key that the experiment does not have',
      with_('optimizer.weight_decay', 'optimizer.wait_decay'),
      /^5: With optimizer\.wait_decay: 0, the experiment cannot be trained: .*wait_decay/,
    ],
    [
      'a value that it cannot be trained with',
      with_('[8, 32]', '[8, 4096]'),
      /^6: With data\.batch_size: 4096, the experiment cannot be trained: A batch of 4096 is larger than/,
    ],
    [
      'fractions where there are whole numbers alone',
      with_('{ integers: [8, 32] }', '{ range: [8, 32] }'),
      /^6: With data\.batch_size: 17\.\d+, the experiment cannot be trained: .* Use integers to search only whole numbers\.$/,
    ],
    [
      'more rungs than epochs',
      `${TEXT}rungs: 2\n`,
      /^10: With 2 rungs and a reduction of 3, the first rung gets less than one of 2 epochs\. Use at most 1\.$/,
    ],
  ])('%s', (_, text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('fewer trials than rungs need', () => {
    const long = experimentText({ schedule: '{ epochs: 30 }' });
    const text = with_('{ trials: 16 }', '{ trials: 8 }');
    expect(problemsOf(`${text}rungs: 3\n`, long)).toEqual([
      '9: None of the 8 trials reaches the last of 3 rungs. Use 9 trials or more, or fewer rungs.',
    ]);
  });

  test('a parameter that changes nothing', () => {
    const text = with_('model.width: [2, 4]', 'engine: [wasm, cpu]');
    expect(problemsOf(text)).toEqual([
      '7: engine changes nothing in this experiment. Remove it, or fix its name.',
    ]);
  });

  test('not a value that is possible together with that of another parameter', () => {
    // Each excludes the other, and the experiment has the first one.
    const lars = experimentText({ tricks: '{ lars: true }' });
    const text = TEXT.replace('mixup: [off, on, { alpha: 0.4 }]', 'lars: [off, on]\n  lamb: [off, on]');
    expect(problemsOf(text, lars)).toEqual([]);
    const alone = TEXT.replace('mixup: [off, on, { alpha: 0.4 }]', 'lamb: [off, on]');
    expect(problemsOf(alone, lars)[0]).toMatch(/^8: With lamb: on, the experiment cannot be trained: /);
  });

  test('an experiment that cannot be trained', () => {
    expect(problemsOf(TEXT, 'name: small\n')[0]).toMatch(/^2: The experiment cannot be trained: /);
  });
});
