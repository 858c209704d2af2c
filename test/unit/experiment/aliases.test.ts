import { describe, expect, test } from 'vitest';
import { insertTrick, removeTrick } from '../../../src/experiment/edits';
import { parseExperiment } from '../../../src/experiment/parse';
import { formatProblem } from '../../../src/experiment/problem';
import { parseDocument } from '../../../src/experiment/text/document';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { ALL_TRICKS, type TRICKS } from '../../../src/tricks/registry';

const HEAD = `name: a
data: { dataset: synthetic }
model: { name: resnet8 }
tricks:
`;

function parsed(tricks: string) {
  return parseExperiment(HEAD + tricks, 'a.yaml');
}

describe('names of other systems', () => {
  test.each([
    ['last_gamma: true', 'zero_gamma', true],
    ['zero_init_residual: true', 'zero_gamma', true],
    ['no_wd: true', 'no_bias_decay', true],
    ['filter_bias_and_bn: true', 'no_bias_decay', true],
    ['label-smoothing: 0.2', 'label_smoothing', { epsilon: 0.2 }],
    ['smoothing: 0.1', 'label_smoothing', { epsilon: 0.1 }],
    ['Mixup-Alpha: 0.4', 'mixup', { alpha: 0.4 }],
    ['drop_path: 0.1', 'stochastic_depth', { rate: 0.1 }],
    ['model-ema: { decay: 0.99 }', 'ema', { decay: 0.99 }],
    ['clip-grad: 5', 'gradient_clipping', { max_norm: 5 }],
  ])('%s is understood as %s', (line, name, choice) => {
    const result = parsed(`  ${line}\n`);
    expect(result.ok && result.recipe.tricks).toEqual([name]);
    const understood = result.ok && result.experiment.tricks[name as keyof typeof TRICKS];
    expect(understood).toEqual(typeof choice === 'object' ? expect.objectContaining(choice) : choice);
  });

  test('are reported with ours, at their place', () => {
    const result = parsed('  # as in GluonCV\n  last_gamma: true\n');
    expect(result.ok && result.warnings.map((warning) => formatProblem('a.yaml', warning))).toEqual([
      'a.yaml:6:3: warning: last_gamma is called zero_gamma here. This name works too, but write zero_gamma.',
    ]);
  });

  test('our own names cause no warning', () => {
    const result = parsed('  zero_gamma: true\n');
    expect(result.ok && result.warnings).toEqual([]);
  });

  test('errors below one are reported where they are written', () => {
    const result = parsed('  smoothing: { epsilon: 2 }\n');
    expect(result.ok ? [] : result.problems.map((problem) => formatProblem('a.yaml', problem))).toEqual([
      'a.yaml:5:25: error: tricks.label_smoothing.epsilon must be less than 1, not 2. Use a number such as 0.1.',
    ]);
  });

  test('one trick under two names is an error', () => {
    const result = parsed('  zero_gamma: true\n  last_gamma: true\n');
    expect(result.ok ? [] : result.problems.map((problem) => formatProblem('a.yaml', problem))).toEqual([
      'a.yaml:6:3: error: zero_gamma and last_gamma are the same trick. Keep one of them.',
    ]);
  });

  test('elsewhere in the file they are errors that say where they belong', () => {
    const result = parseExperiment(HEAD.replace('tricks:', 'label-smoothing: 0.1'), 'a.yaml');
    expect(result.ok ? [] : result.problems.map((problem) => formatProblem('a.yaml', problem))).toEqual([
      'a.yaml:4:1: error: Unknown key label-smoothing. It is the trick label_smoothing: write it under tricks.',
    ]);
  });

  test('work on the command line, too', () => {
    const result = parseExperiment(HEAD, 'a.yaml', ['tricks.last_gamma=true']);
    expect(result.ok && result.recipe.initialization.zeroGamma).toBe(true);
  });

  test('a trick under another name is removed and configured in place', () => {
    const text = `${HEAD}  last_gamma: true\n  no_wd: true\n`;
    const edited = (result: ReturnType<typeof removeTrick>) => {
      if (!result.ok) throw new Error(result.reason);
      return applyEdits(text, result.edits);
    };
    expect(edited(removeTrick(parseDocument(text, 'a.yaml'), 'zero_gamma'))).toBe(`${HEAD}  no_wd: true\n`);
    expect(edited(insertTrick(parseDocument(text, 'a.yaml'), 'zero_gamma', true))).toBe(text);
  });
});

test('no two tricks share a name, and every alias sets an existing option', () => {
  const names = ALL_TRICKS.flatMap(({ name, aliases }) => [name, ...aliases.map((alias) => alias.name)]);
  expect(new Set(names).size).toBe(names.length);
  for (const { aliases, options } of ALL_TRICKS) {
    for (const { name, option } of aliases) {
      expect(name).toMatch(/^[a-z0-9_]+$/);
      if (option !== undefined) expect(Object.keys(options.shape)).toContain(option);
    }
  }
});
