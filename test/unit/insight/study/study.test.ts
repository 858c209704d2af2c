import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { applyEdits } from '../../../../src/experiment/text/textEdits';
import {
  budgetChoice,
  budgetChoices,
  budgetText,
  resolvingText,
} from '../../../../src/insight/study/budgets';
import { studyCompletionsAt } from '../../../../src/insight/study/completions';
import { studyHoverAt } from '../../../../src/insight/study/hovers';
import { studyLenses } from '../../../../src/insight/study/lenses';
import { problemsOf } from '../../../../src/insight/study/problems';
import {
  factorsCalled,
  proposedFactors,
  studyFileName,
  studyText,
} from '../../../../src/insight/study/proposal';
import { experimentKnowledge } from '../../../../src/insight/study/proposedSettings';
import { studyQuickFixes } from '../../../../src/insight/study/quickFixes';
import { anyRecipeKey } from '../../../../src/recipe/anyRecipe';
import type { RunIndex } from '../../../../src/study/effect';
import { parseStudy } from '../../../../src/study/file/parse';
import type { Baseline } from '../../../../src/study/file/study';

function baselineOf(text: string): Baseline {
  const parsed = parseExperiment(text, 'e.experiment.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed;
}

const EXAMPLE = readFileSync('examples/fashion-mnist.experiment.yaml', 'utf8');
const BASELINE = baselineOf(EXAMPLE);

const parse = (text: string, baseline = BASELINE) =>
  parseStudy(text, 'a.study.yaml', () => ({ ok: true, parsed: baseline }));

/** Returns the completions at the bar in a study file. */
function at(marked: string, { fileName = 'a.study.yaml', baseline = BASELINE as Baseline | null } = {}) {
  const offset = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = studyCompletionsAt(text, fileName, offset, {
    baseline,
    experiments: ['e.experiment.yaml', '../f.experiment.yaml'],
    hasSchemaHelp: false,
  });
  return {
    labels: found?.items.map(({ label }) => label) ?? [],
    /** Returns the text after an item is accepted, with its tab stops filled with their defaults. */
    taken: (label: string) => {
      const item = found?.items.find((each) => each.label === label);
      if (!found || !item) throw new Error(`${label} is not among ${found?.items.map((each) => each.label)}`);
      return text.slice(0, found.start) + filled(item.snippet) + text.slice(found.end);
    },
  };
}

/** Expands a snippet as the editor does if every tab stop keeps its default. */
function filled(snippet: string): string {
  return snippet
    .replace(/\$\{\d+\|((?:\\.|[^,|])*)[^}]*\|\}/g, '$1')
    .replace(/\$\{\d+:((?:\\.|[^}])*)\}/g, '$1')
    .replace(/\$\d/g, '')
    .replace(/\\([\\$},])/g, '$1');
}

const HEAD = 'name: s\nexperiment: e.experiment.yaml\n';

describe('completion in study files', () => {
  test('offers the missing keys, with their defaults', () => {
    expect(at(`${HEAD}|`).labels).toEqual([
      ...['factors', 'design', 'budget', 'blocks', 'metric', 'smallest_effect', 'stop', 'at_once'],
    ]);
    expect(at(`${HEAD}|`).taken('budget')).toBe(`${HEAD}budget: { runs: 32 }`);
    expect(at(`${HEAD}|`).taken('design')).toBe(`${HEAD}design: auto`);
    expect(at(`${HEAD}budget: { | }`).labels).toEqual(['runs', 'hours']);
  });

  test('offers tricks that fit the experiment, with options that fit it, and no others', () => {
    const { labels, taken } = at(`${HEAD}factors:\n  - warmup\n  - |\n`);
    expect(labels).toContain('zero_gamma');
    expect(labels).not.toContain('warmup');
    expect(labels).not.toContain('resnet_d');
    expect(taken('zero_gamma')).toContain('  - zero_gamma\n');
    expect(taken('ema')).toContain('  - ema: { decay: 0.99 }\n');
  });

  test('offers keys of the experiment with their value', () => {
    const { taken } = at(`${HEAD}factors:\n  - |\n`);
    expect(taken('schedule.decay')).toContain('  - schedule.decay: [cosine, constant]\n');
    expect(taken('optimizer.weight_decay')).toContain('  - optimizer.weight_decay: [0.0001, ]\n');
    expect(at(`${HEAD}factors:\n  - optimizer.w|\n`).taken('optimizer.weight_decay')).toContain(
      '  - optimizer.weight_decay: [0.0001, ]\n',
    );
  });

  test('offers what can be written without an experiment, too', () => {
    expect(at(`${HEAD}factors:\n  - |\n`, { baseline: null }).labels).toContain('resnet_d');
  });

  test('offers options of tricks, values of keys, and values of the file itself', () => {
    expect(at(`${HEAD}factors:\n  - warmup: { | }\n`).labels).toEqual(['epochs', 'count_from', 'update']);
    expect(at(`${HEAD}factors:\n  - schedule.decay: [cosine, |]\n`).labels).toContain('linear');
    expect(at(`${HEAD}blocks: |`).labels).toEqual(['auto', 'folds', 'seeds']);
    expect(at(`${HEAD}metric: |`).labels).toContain('macro_f1');
    expect(at(`${HEAD}metric: |`).labels).toContain('train_loss');
    expect(at('name: s\nexperiment: |').labels).toEqual(['e.experiment.yaml', '../f.experiment.yaml']);
  });

  test('offers the factors in listed runs', () => {
    const text = `${HEAD}factors: [warmup, { mixup: { alpha: 0.4 } }]\ndesign:\n  - [warmup, |]\n`;
    expect(at(text).labels).toEqual(['mixup']);
  });

  test('writes JSON in JSON', () => {
    const text = '{ "name": "s", "experiment": "e.experiment.yaml", "factors": [|] }';
    const { taken } = at(text, { fileName: 'a.study.json' });
    expect(JSON.parse(taken('warmup')).factors).toEqual(['warmup']);
    expect(JSON.parse(taken('ema')).factors).toEqual([{ ema: { decay: 0.99 } }]);
  });
});

describe('hovers in study files', () => {
  const hover = (text: string, word: string) => {
    const parsed = parse(text);
    const found = studyHoverAt(parsed, BASELINE, text.indexOf(word) + 1, new Map(), false);
    return found?.parts.join('\n') ?? '';
  };
  const TEXT = `${HEAD}factors:\n  - warmup\n  - label_smoothing: { epsilon: 0.1 }\n  - optimizer.weight_decay: [0.0001, 0.001]\nbudget: { runs: 32 }\ndesign: auto\n`;

  test('explain tricks, whether the experiment has them, and their options', () => {
    expect(hover(TEXT, 'warmup')).toContain('The experiment uses it');
    expect(hover(TEXT, 'label_smoothing')).toContain('The experiment does not use it');
    expect(hover(TEXT, 'epsilon')).toContain('tricks.label\\_smoothing.epsilon');
  });

  test('explain keys of the experiment with their value, and keys of the study with their default', () => {
    expect(hover(TEXT, 'optimizer.weight_decay')).toContain('Value in the experiment: `0.0001`.');
    expect(hover(TEXT, 'design')).toContain('Default: `auto`.');
    expect(hover(TEXT, 'runs')).toContain('Total number of training runs.');
  });
});

describe('fixes in study files', () => {
  /** Returns the text after the fix with a title. */
  const fixed = (text: string, title: string) => {
    const parsed = parse(text);
    const fixes = studyQuickFixes(parsed);
    const fix = fixes.find((each) => each.title === title);
    if (!fix) throw new Error(`${title} is not among ${fixes.map((each) => each.title)}`);
    const result = fix.edits();
    if (!result.ok) throw new Error(result.reason);
    return applyEdits(text, result.edits);
  };

  test('write the intended trick', () => {
    const text = `${HEAD}factors:\n  - warmpu # kept\n  - mixup\nbudget: { runs: 32 }\n`;
    expect(fixed(text, 'Write warmup')).toBe(text.replace('warmpu', 'warmup'));
  });

  test.each([
    [
      '\n  - mixup # one\n  - name: [a, b] # two\n  # three\n  - ema\n',
      '\n  - mixup # one\n  # three\n  - ema\n',
    ],
    ['\n  - mixup\n  - name:\n      - a\n      - b\n', '\n  - mixup\n'],
    [' [mixup, { name: [a, b] }, ema]\n', ' [mixup, ema]\n'],
    [' [mixup, { name: [a, b] }]\n', ' [mixup]\n'],
  ])('remove a factor that changes nothing from%s', (before, after) => {
    const text = (factors: string) => `${HEAD}factors:${factors}budget: { runs: 32 }\n`;
    expect(fixed(text(before), 'Remove this factor')).toBe(text(after));
  });

  test('never leave a study without factors', () => {
    const text = `${HEAD}factors:\n  - name: [a, b]\nbudget: { runs: 32 }\n`;
    const [fix] = studyQuickFixes(parse(text));
    expect(fix?.edits().ok).toBe(false);
  });

  test('raise a budget that is too small to one that works', () => {
    const text = `${HEAD}factors: [warmup, mixup, ema]\nbudget: { runs: 2 } # few\n`;
    const title = studyQuickFixes(parse(text))[0]?.title ?? '';
    expect(title).toMatch(/^Raise the budget to \d+ runs$/);
    const raised = fixed(text, title);
    expect(raised).toContain('} # few\n');
    expect(parse(raised).ok).toBe(true);
  });
});

describe('the lens of a study file', () => {
  const faces = (text: string, obstacle: 'untrusted' | 'no_disk' | null = null) =>
    studyLenses(parse(text), { obstacle }).map((lens) => lens.face());

  test('runs it, or says why it cannot', () => {
    const sound = `${HEAD}factors: [warmup, mixup]\nbudget: { runs: 32 }\n`;
    expect(faces(sound)).toMatchObject([{ title: 'Run study', action: { type: 'runStudy' } }]);
    expect(faces(sound, 'untrusted')).toMatchObject([{ action: { type: 'manageTrust' } }]);
    expect(faces(sound, 'no_disk')).toMatchObject([{ action: { type: 'save' } }]);
    expect(faces(`${HEAD}factors: [warmpu]\nbudget: { runs: 32 }\n`)).toMatchObject([
      { title: 'Cannot run: 1 problem', action: { type: 'showProblem' } },
    ]);
    expect(faces(`${HEAD}search: {}\n`)).toEqual([]);
  });
});

describe('a proposed study', () => {
  test('asks about every fitting trick, and suggests compatible ones', () => {
    const proposed = proposedFactors(BASELINE);
    const names = proposed.map(({ trick }) => trick.name);
    expect(names).toEqual(expect.arrayContaining(['warmup', 'mixup', 'lars', 'lamb']));
    expect(names).not.toContain('resnet_d');
    // Distillation needs a finished run.
    expect(names).not.toContain('distillation');
    const suggested = proposed.filter(({ isSuggested }) => isSuggested).map(({ trick }) => trick.name);
    expect(suggested).toContain('lars');
    expect(suggested).not.toContain('lamb');
    expect(proposed.find(({ trick }) => trick.name === 'warmup')).toMatchObject({ isIn: true, value: true });
  });

  test('suggests the last of tweaks that include one another', () => {
    const resnet = baselineOf('name: r\ndata: { dataset: synthetic }\nmodel: { name: resnet50, width: 8 }\n');
    const tweaks = proposedFactors(resnet).filter(({ trick }) => trick.name.startsWith('resnet_'));
    expect(tweaks.map(({ trick, isSuggested }) => [trick.name, isSuggested])).toEqual([
      ['resnet_b', false],
      ['resnet_c', false],
      ['resnet_d', true],
    ]);
  });

  test.each(['fashion-mnist', 'first-steps', 'paper-1-baseline'])(
    'of %s is written as a file that can be run',
    (name) => {
      const baseline = baselineOf(readFileSync(`examples/${name}.experiment.yaml`, 'utf8'));
      const factors = proposedFactors(baseline).filter(({ isSuggested }) => isSuggested);
      const text = studyText({ name, experiment: 'e.experiment.yaml', factors, budget: { runs: 128 } });
      const parsed = parse(text, baseline);
      expect(problemsOf(parsed)).toEqual([]);
      expect(parsed.ok && parsed.study.factors.map(({ key }) => key)).toEqual(
        factors.map(({ trick }) => trick.name),
      );
      // Every line except the name has a comment.
      expect(text.split('\n').filter((line) => line !== '' && !line.includes('#'))).toEqual([
        `name: ${name}`,
      ]);
    },
  );

  test('takes fitting tricks by name, other systems’ names too, and reports unknown ones', () => {
    expect(factorsCalled(BASELINE, ['ema', 'mixup-alpha', 'warmpu'])).toMatchObject([
      { trick: { name: 'ema' }, value: { decay: 0.99 } },
      { trick: { name: 'mixup' } },
      { unknown: 'warmpu' },
    ]);
  });

  test('is placed next to its experiment', () => {
    expect(studyFileName('fashion.experiment.jsonc')).toBe('fashion.study.yaml');
    expect(studyFileName('fashion.yml')).toBe('fashion.study.yaml');
  });
});

describe('budgets of a proposed study', () => {
  const factors = factorsCalled(BASELINE, ['warmup', 'mixup', 'ema', 'zero_gamma', 'no_bias_decay']).flatMap(
    (factor) => ('unknown' in factor ? [] : [factor]),
  );
  const { subject, noise } = experimentKnowledge(BASELINE, factors, new Map());
  const surroundings = { noise: noise.value, smallestEffect: 0.2, secondsOfRun: null };

  test('range from the smallest that works to one that resolves half the smallest effect', () => {
    expect(noise).toEqual({ value: 0.25, isKnown: false });
    const { choices, enough } = budgetChoices(subject, surroundings);
    // 0.72 sigma at 32 runs of five factors: 0.18 points. 1.09 sigma at 16 runs: 0.27 points.
    expect(enough).toBeLessThanOrEqual(32);
    expect(enough).toBeGreaterThan(16);
    expect(choices.map(({ resolves }) => resolves)).toEqual([false, true, true]);
    expect(choices.map(({ runs }) => runs)).toEqual(
      [...choices.map(({ runs }) => runs)].sort((a, b) => a - b),
    );
    expect(choices.at(-1)?.halfWidth).toBeLessThanOrEqual(0.1);
  });

  test('say what they take, and which is enough', () => {
    const small = budgetChoice(subject, 16, { ...surroundings, secondsOfRun: 90 });
    if (!small) throw new Error('16 runs are enough for five factors.');
    expect(small.runs).toBe(16);
    expect(small.seconds).toBe(16 * 90);
    expect(budgetText(small)).toMatch(/^over about 24 min 00 s · intervals of ±0\.\d\d points$/);
    expect(budgetText({ ...small, seconds: null })).toMatch(/^time unknown · /);
    expect(resolvingText(small, surroundings, 28)).toMatch(
      /; cannot detect effects of 0\.2 points, which takes 28 runs$/,
    );
    expect(budgetChoice(subject, 3, surroundings)).toBeNull();
  });

  test('use the noise of existing runs, of three seeds or more', () => {
    const place = { engine: 'tensorflow', threads: null, execution: null } as const;
    const runsOf = (accuracies: readonly number[]): RunIndex =>
      new Map([
        [anyRecipeKey(BASELINE.recipe), accuracies.map((accuracy, seed) => ({ seed, place, accuracy }))],
      ]);
    // The sample standard deviation of 88, 88.4 and 88.8 is 0.4.
    const known = experimentKnowledge(BASELINE, factors, runsOf([0.88, 0.884, 0.888]));
    expect(known.noise.isKnown).toBe(true);
    expect(known.noise.value).toBeCloseTo(0.4, 10);
    expect(experimentKnowledge(BASELINE, factors, runsOf([0.88, 0.884])).noise.isKnown).toBe(false);
  });
});
