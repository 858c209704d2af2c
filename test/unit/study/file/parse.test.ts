import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../../../src/experiment/parse';
import { formatProblem } from '../../../../src/experiment/problem';
import { parseStudy } from '../../../../src/study/file/parse';
import type { ExperimentReading, StudyParse } from '../../../../src/study/file/study';

const EXPERIMENT = readFileSync('examples/fashion-mnist.experiment.yaml', 'utf8');

function reader(text: string): () => ExperimentReading {
  return () => ({ ok: true, parsed: parseExperiment(text, 'a.experiment.yaml') });
}

/** A study with these factors, one per line, followed by more lines. */
function read(factors: readonly string[], more: readonly string[] = [], experiment = EXPERIMENT): StudyParse {
  const text = [
    'name: s',
    'experiment: a.experiment.yaml',
    'factors:',
    ...factors.map((factor) => `  ${factor}`),
    ...(more.some((line) => line.startsWith('budget')) ? [] : ['budget: { runs: 32 }']),
    ...more,
  ].join('\n');
  return parseStudy(text, 'x.study.yaml', reader(experiment));
}

/** Returns problems as a compiler prints them, or the warnings of a valid study. */
function problemsOf(parse: StudyParse): string[] {
  if (parse.ok) return parse.warnings.map((problem) => formatProblem('x', problem));
  return parse.why === 'problems'
    ? parse.problems.map((problem) => formatProblem('x', problem))
    : [parse.why];
}

function sound(parse: StudyParse): Extract<StudyParse, { ok: true }> {
  if (!parse.ok) throw new Error(problemsOf(parse).join('\n'));
  return parse;
}

const TRICKLESS = EXPERIMENT.replace(/tricks:[\s\S]*?\n\n/, '');

describe('a study file', () => {
  it('is read with defaults for missing keys', () => {
    const { study } = sound(
      read(['- warmup', '- label_smoothing: { epsilon: 0.1 }', '- optimizer.weight_decay: [0.0001, 0.0005]']),
    );
    expect(study).toMatchObject({
      name: 's',
      experiment: 'a.experiment.yaml',
      design: 'auto',
      budget: { runs: 32 },
      blocks: 'auto',
      metric: 'validation_accuracy',
      smallestEffect: 0.2,
      stop: 'when_decided',
      atOnce: 'auto',
    });
    expect(study.factors.map(({ key, kind, values }) => ({ key, kind, values }))).toEqual([
      { key: 'warmup', kind: 'trick', values: [false, true] },
      { key: 'label_smoothing', kind: 'trick', values: [false, { epsilon: 0.1 }] },
      { key: 'optimizer.weight_decay', kind: 'key', values: [0.0001, 0.0005] },
    ]);
  });

  it('is read from JSON as from YAML', () => {
    const text = JSON.stringify({
      name: 's',
      experiment: 'a.experiment.yaml',
      factors: ['warmup', { mixup: [{ alpha: 0.1 }, { alpha: 0.4 }] }],
      budget: { hours: 4 },
      at_once: 2,
    });
    const { study, settings } = sound(parseStudy(text, 'x.study.json', reader(EXPERIMENT)));
    expect(study.budget).toEqual({ hours: 4 });
    expect(study.atOnce).toBe(2);
    expect(settings.factors[1]?.levels).toEqual(['without', '{ alpha: 0.1 }', '{ alpha: 0.4 }']);
  });

  it('may use the name that another system has for a trick', () => {
    const { study } = sound(read(['- mixup-alpha: 0.4', '- smoothing: { epsilon: 0.2 }']));
    expect(study.factors.map(({ key, values }) => [key, values[1]])).toEqual([
      ['mixup', { alpha: 0.4 }],
      ['label_smoothing', { epsilon: 0.2 }],
    ]);
  });

  it('with search in place of factors is recognized, and is no error', () => {
    const text =
      'name: s\nexperiment: a.experiment.yaml\nsearch: { optimizer.base_lr: { from: 0.1, to: 1 } }\n';
    expect(parseStudy(text, 'x.study.yaml', reader(EXPERIMENT))).toMatchObject({ ok: false, why: 'search' });
  });

  it('of images that are not indexed asks for an index', () => {
    const own = EXPERIMENT.replace(
      'dataset: fashion-mnist-sample',
      'dataset: image_folder\n  path: pictures',
    );
    expect(read(['- warmup'], [], own)).toMatchObject({
      ok: false,
      why: 'unindexed',
      request: { dataset: 'image_folder', path: 'pictures' },
    });
  });

  it('takes a metric as the log has it', () => {
    const { study } = sound(read(['- warmup'], ['metric: trainLoss', 'smallest_effect: 0.01']));
    expect(study.metric).toBe('train_loss');
  });
});

describe('a listed design', () => {
  it('gives levels by value, or tricks by name', () => {
    const { study } = sound(
      read(
        ['- warmup', '- label_smoothing: { epsilon: 0.1 }', '- optimizer.weight_decay: [0.0001, 0.0005]'],
        [
          'design:',
          '  - []',
          '  - [warmup, label_smoothing]',
          '  - { label_smoothing: { epsilon: 0.1 }, optimizer.weight_decay: 0.0005 }',
          '  - { warmup: true }',
        ],
      ),
    );
    expect(study.design).toEqual([
      [0, 0, 0],
      [1, 1, 0],
      [0, 1, 1],
      [1, 0, 0],
    ]);
  });

  it('of too few runs cannot separate effects', () => {
    const parse = read(['- warmup', '- mixup'], ['design: [[], [warmup, mixup]]']);
    expect(problemsOf(parse).join()).toContain(
      'The possible runs cannot separate the effects of warmup, mixup. List more runs',
    );
  });

  it.each([
    ['[[], [warmup], [mixup]]', 'x:7:25: error: This run sets mixup, which is not a factor.'],
    ['[[], [warmup], [warmupp]]', 'Did you mean warmup?'],
    ['[[], [warmup], [warmup]]', 'x:7:24: error: This run is the same as run 2 in the list.'],
    ['[[], [warmup]]', 'All listed runs have the same level of optimizer.weight_decay.'],
    ['[[], { optimizer.weight_decay: 0.01 }]', 'Use one of 0.0001, 0.0005.'],
  ])('%s has a problem', (design, problem) => {
    const parse = read(['- warmup', '- optimizer.weight_decay: [0.0001, 0.0005]'], [`design: ${design}`]);
    expect(parse.ok).toBe(false);
    expect(problemsOf(parse).join('\n')).toContain(problem);
  });
});

describe('problems of a study', () => {
  it.each<[factor: string, problem: string]>([
    ['- warmpu', 'x:4:5: error: There is no trick warmpu. Did you mean warmup?'],
    ['- weight_deacy: [0, 1]', 'Did you mean optimizer.weight_decay?'],
    ['- optimizer.weight_deacy: [0, 1]', 'Did you mean optimizer.weight_decay?'],
    ['- [warmup]', 'x:4:5: error: '],
    ['- { warmup: true, mixup: true }', 'A factor is one trick or one key, but this one has 2.'],
    ['- mixup: { alpha: [0.1, 0.2] }', 'such as [{ alpha: 0.1 }, { alpha: 0.2 }].'],
    ['- label_smoothing: { epsilom: 0.1 }', 'x:4:24: error: Unknown key epsilom. Did you mean epsilon?'],
    ['- label_smoothing: false', 'The factor label_smoothing needs options'],
    ['- tricks.warmup: [true, false]', 'Write warmup.'],
    ['- seed: [1, 2]', 'x:4:5: error: The seed is not a factor.'],
    ['- schedule.epochs: [8]', 'The factor schedule.epochs has one level.'],
    ['- schedule.epochs: 8', 'such as [8, ...].'],
    ['- schedule.epochs: [8, 8]', 'x:4:26: error: schedule.epochs has this level twice.'],
    ['- name: [a, b]', 'name changes nothing in this experiment.'],
    ['- resnet_d', 'ResNet-D is a variant of the ImageNet ResNets, but the model is resnet8.'],
    ['- warmup: { epochs: 20 }', 'x:4:23: error: Warmup of 20 epochs is longer than the training of 8.'],
    ['- data.dataset: [fashion-mnist-sample, fashion-mnist]', 'changes which images are used for validation'],
    [
      '- optimizer.weight_decay: [0.1, -1]',
      'x:4:35: error: optimizer.weight_decay must be at least 0, not -1.',
    ],
    ['- schedule.decay: [cosine, cosin]', 'Did you mean cosine?'],
  ])('%s', (factor, problem) => {
    const parse = read([factor]);
    expect(parse.ok).toBe(false);
    expect(problemsOf(parse).join('\n')).toContain(problem);
  });

  it('names the factor that changes nothing, by the recipe', () => {
    const parse = read(
      ['- mixup', '- resnet_b'],
      [],
      TRICKLESS.replace(
        'name: resnet8\n  width: 8 # channels of the first stage',
        'name: resnet18\n  variant: D',
      ),
    );
    expect(problemsOf(parse)).toEqual([
      'x:5:5: error: resnet_b changes nothing in this experiment. Remove it from the factors.',
    ]);
  });

  it('finds repeated factors under any name, and those that change the same part', () => {
    expect(problemsOf(read(['- mixup', '- mixup_alpha: 0.4'])).join()).toContain('mixup is listed twice.');
    expect(problemsOf(read(['- mixup', '- tricks.mixup.alpha: [0.1, 0.4]'])).join()).toContain(
      'mixup and tricks.mixup.alpha change the same part of the experiment. Give the trick a list',
    );
  });

  it('warns about factors that exclude each other, and refuses designs that need both', () => {
    const factors = ['- mixup', '- lars', '- lamb'];
    expect(problemsOf(read(factors))).toEqual([
      'x:6:5: warning: lars and lamb exclude each other. No run has both. The design accounts for that.',
    ]);
    expect(read(factors, ['design: stack'])).toMatchObject({ ok: false });
    expect(problemsOf(read(factors, ['design: stack'])).join('\n')).toContain(
      'The design stack combines all factors, but no run can have both lars and lamb.',
    );
  });

  it('refuses a factor that something in the experiment excludes', () => {
    const parse = read(['- lamb'], [], EXPERIMENT.replace('  zero_gamma: true', '  lars: true'));
    expect(problemsOf(parse).join()).toContain('lamb cannot be combined with lars. Remove one of them.');
  });

  it.each<[line: string, problem: string]>([
    ['smallest_effect: 0', 'smallest_effect must be greater than 0, not 0.'],
    ['metric: validation_acuracy', 'Did you mean validation_accuracy?'],
    ['metric: happiness', 'Runs do not log the metric happiness.'],
    ['metric: validation_loss', 'smallest_effect is missing'],
    ['blocks: folds', 'Folds need validation images split from the training images'],
    ['design: fulll', 'Did you mean full?'],
    ['budget: {}', 'budget has neither runs nor hours. Write { runs: 32 } or { hours: 4 }.'],
    ['budget: { runs: 8, hours: 1 }', 'only one is allowed'],
    ['budget: { runs: -1 }', 'budget.runs must be greater than 0, not -1.'],
    ['budgt: 3', 'Unknown key budgt.'],
  ])('%s', (line, problem) => {
    const parse = read(['- warmup'], [line]);
    expect(parse.ok).toBe(false);
    expect(problemsOf(parse).join('\n')).toContain(problem);
  });

  it('gives the smallest budget that works, at the budget', () => {
    const parse = read(['- warmup', '- mixup', '- ema'], ['budget: { runs: 2 }']);
    expect(problemsOf(parse)).toEqual([
      expect.stringMatching(
        /^x:7:17: error: A budget of 2 runs is too small for 3 factors\. Use at least \d+ runs/,
      ),
    ]);
    const [, least] = /Use at least (\d+) runs/.exec(problemsOf(parse).join()) ?? [];
    expect(problemsOf(read(['- warmup', '- mixup', '- ema'], [`budget: { runs: ${least} }`]))).toEqual([]);
    const less = problemsOf(
      read(['- warmup', '- mixup', '- ema'], [`budget: { runs: ${Number(least) - 1} }`]),
    );
    expect(less).toHaveLength(1);
  });

  it('warns about a budget for one block, and says what it cannot show', () => {
    const text = problemsOf(read(['- warmup', '- mixup'], ['design: full', 'budget: { runs: 4 }']));
    expect(text).toEqual([
      'x:7:17: warning: A budget of 4 runs is enough for only one block: the effects get no interval that holds for other seeds. Use at least 8 runs for two blocks.',
    ]);
  });

  it('summarizes the errors of the experiment, with its path and the line', () => {
    const parse = read(['- warmup'], [], EXPERIMENT.replace('name: resnet8', 'name: resnet9000'));
    expect(problemsOf(parse).join()).toContain(
      'x:2:13: error: The experiment a.experiment.yaml has a problem on line 9: model.name',
    );
    const missing = parseStudy(
      'name: s\nexperiment: b.yaml\nfactors: [warmup]\nbudget: { runs: 8 }',
      'x.study.yaml',
      () => ({ ok: false, reason: 'The file does not exist.' }),
    );
    expect(problemsOf(missing).join()).toContain(
      'The experiment b.yaml cannot be read: The file does not exist.',
    );
  });

  it('are found at once in files of any size', () => {
    const values = Array.from({ length: 10_000 }, (_, index) => index / 100_000);
    const many = read([`- optimizer.weight_decay: [${values.join(', ')}]`]);
    expect(problemsOf(many)).toEqual([
      'x:3:1: error: The factors have 9999 levels besides their first levels. A study allows at most 40. Remove factors or levels.',
    ]);
    const runs = Array.from({ length: 1_000 }, (_, index) => (index % 2 ? '[warmup]' : '[mixup]'));
    expect(problemsOf(read(['- warmup', '- mixup'], [`design: [${runs.join(', ')}]`]))).toHaveLength(998);
    const deep = `- ${'a.'.repeat(400)}a: [1, 2]`;
    expect(problemsOf(read([deep]))[0]).toMatch(/^x:4:5: error: [a.]{80}\.\.\. is neither a trick/);
  });

  it('of syntax are at their position', () => {
    const parse = parseStudy('name: [', 'x.study.yaml', reader(EXPERIMENT));
    expect(parse).toMatchObject({ ok: false, why: 'problems' });
  });

  it('of a file that is not a mapping list what a study has', () => {
    const parse = parseStudy('- a', 'x.study.yaml', reader(EXPERIMENT));
    expect(problemsOf(parse).join()).toContain(
      'The file holds no study. Write at least name, experiment, factors',
    );
  });
});
