import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { parseDocument } from '../../../../src/experiment/text/document';
import { applyEdits } from '../../../../src/experiment/text/textEdits';
import { studyCompletionsAt } from '../../../../src/insight/study/completions';
import { studyHoverAt } from '../../../../src/insight/study/hovers';
import { problemsOf } from '../../../../src/insight/study/problems';
import { studyQuickFixes } from '../../../../src/insight/study/quickFixes';
import { parseStudy } from '../../../../src/study/file/parse';
import { experimentText } from '../../../support/smallTraining';

const EXAMPLE = readFileSync('examples/fashion-mnist.experiment.yaml', 'utf8');
const HEAD = 'name: s\nexperiment: e.experiment.yaml\n';

const baselineOf = (text: string) => {
  const parsed = parseExperiment(text, 'e.experiment.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed;
};
const parse = (text: string, fileName = 'a.study.yaml') =>
  parseStudy(text, fileName, () => ({ ok: false, reason: 'A search is not read with its experiment.' }));

/** Returns each problem of a search as `line: severity: what remedy`. */
function problemsIn(text: string, experiment = experimentText()): string[] {
  const found = problemsOf(parse(text), () => ({
    ok: true,
    parsed: parseExperiment(experiment, 'e.experiment.yaml'),
  }));
  return found.map(
    ({ severity, range, what, remedy }) => `${range.start.line + 1}: ${severity}: ${what} ${remedy}`,
  );
}

/** Returns the completions at the bar. */
function at(marked: string, hasSchemaHelp = false, fileName = 'a.study.yaml') {
  const offset = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = studyCompletionsAt(text, fileName, offset, {
    baseline: baselineOf(EXAMPLE),
    experiments: ['e.experiment.yaml'],
    hasSchemaHelp,
  });
  return {
    labels: found?.items.map(({ label }) => label) ?? [],
    taken: (label: string) => {
      const item = found?.items.find((each) => each.label === label);
      if (!found || !item) throw new Error(`${label} is not among ${found?.items.map((each) => each.label)}`);
      const filled = item.snippet
        .replace(/\$\{\d+:((?:\\.|[^}])*)\}/g, '$1')
        .replace(/\$\d/g, '')
        .replace(/\\([\\$},])/g, '$1');
      return text.slice(0, found.start) + filled + text.slice(found.end);
    },
  };
}

const SEARCH = `${HEAD}search:\n  optimizer.base_lr: { log: [0.01, 1] }\nbudget: { trials: 4 }\n`;

describe('the problems of a search file', () => {
  test('are none for a valid one', () => {
    expect(problemsIn(SEARCH)).toEqual([]);
  });

  test('are those of its own keys and ranges, each in its place', () => {
    expect(
      problemsIn(SEARCH.replace('[0.01, 1]', '[0, 1]').replace('budget', 'samplr: random\nbudget')),
    ).toEqual([
      '4: error: 0 has no logarithm. Start above 0, or write range.',
      '5: error: A search has no key samplr. Did you mean sampler?',
    ]);
  });

  test('include those with its experiment: keys that it does not have, values that it cannot train', () => {
    const [unknown] = problemsIn(SEARCH.replace('base_lr', 'base_rate'));
    expect(unknown).toMatch(
      /^4: error: With optimizer\.base_rate: 0\.01, the experiment cannot be trained: /,
    );
    const nothing = SEARCH.replace('optimizer.base_lr: { log: [0.01, 1] }', 'warmup: [off, false]');
    expect(problemsIn(nothing)).toEqual(['4: error: warmup has this choice twice. Remove one of them.']);
    const broken = problemsIn(SEARCH, experimentText().replace('schedule', 'shedule'));
    expect(broken[0]).toMatch(/^2: error: The experiment cannot be trained: /);
  });

  test('name an unreadable experiment, and images that are not indexed', () => {
    const [problem, ...others] = problemsOf(parse(SEARCH), () => ({ ok: false, reason: 'No such file.' }));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({
      severity: 'error',
      what: 'The experiment e.experiment.yaml cannot be read: No such file.',
    });
    expect(problem?.range.start.line).toBe(1);
    const own = experimentText({ data: '{ dataset: image_folder, path: images, batch_size: 8 }' });
    expect(problemsIn(SEARCH, own)).toEqual([
      '2: warning: The images of e.experiment.yaml have not been indexed, so its search cannot be checked. Open the experiment and index its data.',
    ]);
  });

  test('are fixed if the intended value is known', () => {
    const text = SEARCH.replace('budget', 'samplr: random\nbudget');
    const parsed = parse(text);
    const [fix] = studyQuickFixes(parsed);
    const result = fix?.edits();
    expect(fix?.title).toBe('Write sampler');
    expect(result?.ok && applyEdits(text, result.edits)).toBe(text.replace('samplr', 'sampler'));
  });
});

describe('completion in search files', () => {
  test('offers the keys of a search, with their defaults', () => {
    expect(at(`${HEAD}search: { mixup: [off, on] }\n|`).labels).toEqual([
      ...['budget', 'seeds', 'rungs', 'reduction', 'sampler', 'metric', 'seed', 'at_once'],
    ]);
    expect(at(`${SEARCH}|`).taken('reduction')).toBe(`${SEARCH}reduction: 3`);
    expect(at(`${HEAD}search: { mixup: [off, on] }\n|`).taken('budget')).toContain('budget: { trials: 16 }');
    expect(at(`${SEARCH}sampler: |`).labels).toEqual(['quasi_random', 'random', 'tpe', 'gp', 'cmaes']);
    expect(at(`${SEARCH}metric: |`).labels).not.toContain('images_per_second');
  });

  test.each([false, true])('offers what can be searched over, with the help of a schema %s', (hasHelp) => {
    const text = `${HEAD}search:\n  mixup: [off, on]\n  |\nbudget: { trials: 4 }\n`;
    const { labels, taken } = at(text, hasHelp);
    expect(labels).toEqual(
      expect.arrayContaining(['optimizer.base_lr', 'data.batch_size', 'label_smoothing']),
    );
    for (const not of ['mixup', 'schedule.epochs', 'seed', 'name', 'engine', 'data.dataset']) {
      expect(labels).not.toContain(not);
    }
    for (const label of [
      'optimizer.base_lr',
      'optimizer.weight_decay',
      'data.batch_size',
      'label_smoothing',
    ]) {
      const whole = taken(label);
      const problems = problemsOf(parse(whole), () => ({ ok: true, parsed: baselineOf(EXAMPLE) }));
      expect(
        problems.map(({ what }) => what),
        whole,
      ).toEqual([]);
    }
  });

  test('writes JSON in files of JSON', () => {
    const text = '{ "name": "s", "experiment": "e.experiment.yaml", "search": { "|" } }';
    const whole = at(text, false, 'a.study.json').taken('optimizer.base_lr');
    const { value, problems } = parseDocument(whole, 'a.study.json');
    expect(problems).toEqual([]);
    expect(value).toHaveProperty(['search', 'optimizer.base_lr', 'log']);
  });
});

describe('hovers in search files', () => {
  const hover = (text: string, word: string, hasSchemaHelp = false) =>
    studyHoverAt(
      parse(text),
      baselineOf(EXAMPLE),
      text.indexOf(word) + 1,
      new Map(),
      hasSchemaHelp,
    )?.parts.join(' ') ?? null;

  test('explain the keys of a search, its ranges and what is searched over', () => {
    const text = `${SEARCH}sampler: random\nmetric: macro_f1\n`;
    expect(hover(text, 'sampler')).toContain('quasi_random and random are built in');
    expect(hover(text, 'metric')).not.toContain('images_per_second');
    expect(hover(text, 'trials')).toContain('Total number of trials.');
    expect(hover(text, 'log:')).toContain('drawn evenly in their logarithm');
    expect(hover(text, 'optimizer.base_lr', true)).toContain('Value in the experiment: ');
    // The schema covers the rest.
    expect(hover(text, 'sampler', true)).toBeNull();
  });
});
