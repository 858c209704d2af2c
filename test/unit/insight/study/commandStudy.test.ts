import { describe, expect, test } from 'vitest';
import { studyCompletionsAt } from '../../../../src/insight/study/completions';
import { studyHoverAt } from '../../../../src/insight/study/hovers';
import { factorsCalled, proposedFactors, studyText } from '../../../../src/insight/study/proposal';
import { studyQuickFixes } from '../../../../src/insight/study/quickFixes';
import { noticesOf } from '../../../../src/insight/study/results/studyNotes';
import { studyView } from '../../../../src/insight/study/results/studyView';
import { parseAnyExperiment } from '../../../../src/interop/command/parse';
import { parseStudy } from '../../../../src/study/file/parse';
import { type CommandBaseline, isCommandBaseline } from '../../../../src/study/file/study';
import { experimentOf } from '../../../support/commandExperiments';
import { studyFacts } from '../../../support/studies';

const GENERIC = experimentOf(`node train.mjs --seed \${seed} --lr \${lr}`, {
  system: 'generic',
  more: `values: { lr: 0.1 }
arguments:
  strong_aug: { with: --aug strong, without: --aug weak }
  mixup: { with: '--mixup \${alpha}', without: '' }`,
  rest: 'tricks: { mixup: true }',
});
const TIMM = experimentOf(`python train.py --data-dir pets --epochs 5 --seed \${seed} --mixup 0.2`);

function baselineOf(text: string): CommandBaseline {
  const parsed = parseAnyExperiment(text, 'e.experiment.yaml');
  if (!parsed.ok || !isCommandBaseline(parsed)) throw new Error('This cannot be trained.');
  return parsed;
}

const HEAD = 'name: s\nexperiment: e.experiment.yaml\n';
const parse = (text: string, experiment: string) =>
  parseStudy(text, 'a.study.yaml', () => ({
    ok: true,
    parsed: parseAnyExperiment(experiment, 'e.experiment.yaml'),
  }));

describe('completion of the factors of a command', () => {
  const labels = (experiment: string, hasSchemaHelp = false) => {
    const text = `${HEAD}factors:\n  - `;
    const surroundings = { baseline: baselineOf(experiment), experiments: [], hasSchemaHelp };
    const found = studyCompletionsAt(text, 'a.study.yaml', text.length, surroundings);
    return (found?.items ?? []).map(({ label, detail, snippet }) => ({ label, detail, snippet }));
  };

  test('offers its names, its values and options of its tricks', () => {
    expect(labels(GENERIC)).toEqual([
      { label: 'mixup', detail: 'in the experiment', snippet: 'mixup' },
      { label: 'strong_aug', detail: 'a name in trainer.arguments', snippet: 'strong_aug' },
      { label: 'trainer.values.lr', detail: 'now 0.1', snippet: 'trainer.values.lr: [0.1, $1]' },
      expect.objectContaining({ label: 'tricks.mixup.alpha' }),
    ]);
    // An editor with the schema knows the tricks.
    expect(labels(GENERIC, true).map(({ label }) => label)).not.toContain('mixup');
    expect(labels(GENERIC, true).map(({ label }) => label)).toContain('strong_aug');
  });

  test('offers tricks that the system has and that the command does not say', () => {
    const offered = labels(TIMM).map(({ label }) => label);
    expect(offered).toContain('label_smoothing');
    expect(offered).toContain('ema');
    expect(offered).not.toContain('mixup');
    expect(offered).not.toContain('resnet_d');
  });
});

describe('hovers over the factors of a command', () => {
  const hover = (factor: string, experiment = GENERIC) => {
    const text = `${HEAD}factors:\n  - ${factor}\nbudget: { runs: 8 }\n`;
    const parsed = parse(text, experiment);
    const found = studyHoverAt(parsed, baselineOf(experiment), text.indexOf(factor) + 1, new Map(), false);
    return found?.parts.join('\n') ?? '';
  };

  test('say what the command gets, and the value in the experiment', () => {
    expect(hover('strong_aug')).toContain(
      'The command gets `--aug strong` with it, and `--aug weak` without it.',
    );
    expect(hover('lr: [0.1, 0.2]')).toContain('Value in the experiment: `0.1`.');
    expect(hover('trainer.values.lr: [0.1, 0.2]')).toContain('Value in the experiment: `0.1`.');
    expect(hover('mixup')).toContain('The experiment uses it.');
    expect(hover('resnet_d', TIMM)).toContain('The command cannot have it, or already has it.');
  });
});

test('quick fixes write the name that was meant', () => {
  const text = `${HEAD}factors:\n  - strong_agu\n  - mixup\nbudget: { runs: 8 }\n`;
  const titles = studyQuickFixes(parse(text, GENERIC)).map(({ title }) => title);
  expect(titles).toEqual(['Write strong_aug', 'Remove this factor']);
});

describe('a proposed study of a command', () => {
  test('has the tricks that its system has, none of which exclude each other', () => {
    const proposed = proposedFactors(baselineOf(TIMM));
    const suggested = proposed.filter(({ isSuggested }) => isSuggested).map(({ trick }) => trick.name);
    expect(suggested).toContain('cutmix');
    // timm has it by default.
    expect(suggested).not.toContain('label_smoothing');
    expect(suggested.includes('lars') && suggested.includes('lamb')).toBe(false);
  });

  test('can be run as it is written, with names of the experiment', () => {
    const factors = factorsCalled(baselineOf(GENERIC), ['strong_aug', 'mixup', 'nonsense']);
    expect(factors[2]).toEqual({ unknown: 'nonsense' });
    const known = factors.flatMap((factor) => ('unknown' in factor ? [] : [factor]));
    const text = studyText({
      ...{ name: 's', experiment: 'e.experiment.yaml', factors: known, budget: { runs: 8 } },
    });
    expect(parse(text, GENERIC)).toMatchObject({ ok: true, study: { factors: [{ key: 'strong_aug' }, {}] } });
  });
});

describe('the results of a study of a command', () => {
  const textsOf = (seeding: Parameters<typeof studyFacts>[0]) =>
    noticesOf(studyFacts(seeding)).map(({ text }) => text);

  test('say why runs are not paired by seed', () => {
    const differs = { isPassed: true, sameSeed: 'different' as const };
    expect(textsOf({ seeding: { ...differs, values: [81.2, 81.45] } })).toEqual([
      'Two runs with the same seed gave 81.20 and 81.45, as is normal on GPUs. Runs are not paired by seed, and the noise includes that of seeds.',
    ]);
    expect(textsOf({ seeding: { ...differs, values: [81.2, 81.2] } })[0]).toContain(
      'did not agree in every digit',
    );
    expect(textsOf({ seeding: { isPassed: false, sameSeed: 'unknown', values: null } })[0]).toContain(
      'The command does not get the seed.',
    );
    expect(textsOf({ seeding: { isPassed: true, sameSeed: 'equal', values: [81, 81] } })).toEqual([]);
    expect(textsOf({ seeding: null })).toEqual([]);
  });

  test('have costs from the durations of the runs', () => {
    const costs = [
      {
        ...{ factor: 0, level: 1, memoryBytes: null, secondsPerEpoch: { with: 12, without: 10 } },
        fromRuns: { runs: 32, ratio: 1.2, low: 1.1, high: 1.31 },
      },
    ];
    const [row] = studyView(studyFacts({ costs })).effects;
    expect(row?.cost).toBe('+20% time (+10% to +31%)');
    expect(row?.costDetails).toContain('from the durations of 32 runs, with a 95% interval');
  });
});
