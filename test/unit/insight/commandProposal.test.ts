/** Proposing a study of an experiment that a command trains. */
import { expect, test } from 'vitest';
import { type BudgetSurroundings, budgetChoices } from '../../../src/insight/study/budgets';
import { proposedFactors, studyText } from '../../../src/insight/study/proposal';
import { experimentKnowledge } from '../../../src/insight/study/proposedSettings';
import { parseAnyExperiment } from '../../../src/interop/command/parse';
import { commandExperimentText } from '../../../src/interop/command/writer';
import { parseStudy } from '../../../src/study/file/parse';
import { type CommandBaseline, isCommandBaseline } from '../../../src/study/file/study';
import { experimentOf } from '../../support/commandExperiments';

const FILE = 'a.experiment.yaml';
const TIMM = `python train.py --data-dir pets --model resnet50 --num-classes 37 --epochs 30 --batch-size 64 --lr 0.1 --seed \${seed}`;

function baselineOf(text: string, readText: (path: string) => string | null = () => null): CommandBaseline {
  const parsed = parseAnyExperiment(text, FILE, [], { readText });
  if (!parsed.ok || !isCommandBaseline(parsed)) throw new Error('This is no sound command experiment.');
  return parsed;
}

const proposedFor = (text: string) => proposedFactors(baselineOf(text));
const settingsFor = (text: string, names: readonly string[]) => {
  const baseline = baselineOf(text);
  const factors = proposedFactors(baseline).filter(({ trick }) => names.includes(trick.name));
  return experimentKnowledge(baseline, factors, new Map()).subject.settings;
};
const named = (proposed: ReturnType<typeof proposedFor>) => proposed.map(({ trick }) => trick.name);

test('only tricks that the system has for the model are proposed, and whose state is known', () => {
  const names = named(proposedFor(experimentOf(TIMM)));
  expect(names).toContain('mixup');
  expect(names).toContain('ema');
  for (const impossible of ['sam', 'resnet_d', 'distillation']) expect(names).not.toContain(impossible);
  expect(named(proposedFor(experimentOf(`${TIMM} --config c.yaml`)))).toEqual([]);
  // VGG has no residual blocks.
  const vgg = named(proposedFor(experimentOf(TIMM.replace('resnet50', 'vgg16_bn'))));
  expect(vgg).toContain('mixup');
  expect(vgg).not.toContain('stochastic_depth');
});

test('a trick by an option of the command is not proposed, because no study can switch it off', () => {
  const names = named(proposedFor(experimentOf(`${TIMM} --mixup 0.2`)));
  expect(names).not.toContain('mixup');
  expect(names).toContain('cutmix');
});

test('a trick of the file is proposed, and one by default is proposed but not suggested', () => {
  const proposed = proposedFor(experimentOf(TIMM, { rest: 'tricks: { mixup: { alpha: 0.4 } }' }));
  const of = (name: string) => proposed.find(({ trick }) => trick.name === name);
  expect(of('mixup')).toMatchObject({ isIn: true, isByDefault: false, value: true, isSuggested: true });
  expect(of('label_smoothing')).toMatchObject({ isIn: false, isByDefault: true, isSuggested: false });
});

test('of tricks that exclude each other, only the first is suggested, or the one that is in', () => {
  const suggestedIn = (rest: string) =>
    proposedFor(experimentOf(TIMM, { rest })).flatMap(({ trick, isSuggested }) =>
      isSuggested && ['lars', 'lamb'].includes(trick.name) ? [trick.name] : [],
    );
  expect(suggestedIn('')).toEqual(['lars']);
  expect(suggestedIn('tricks: { lamb: true }')).toEqual(['lamb']);
  const settings = settingsFor(experimentOf(TIMM), ['lars', 'lamb']);
  expect(settings.exclusions).toMatchObject([
    { first: { factor: 0 }, second: { factor: 1 }, why: 'impossible' },
  ]);
  expect(
    [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ].map((setting) => settings.isAllowed(setting)),
  ).toEqual([true, true, true, false]);
});

test('a trick by default is off at its first level', () => {
  const baseline = baselineOf(experimentOf(TIMM));
  const factors = proposedFactors(baseline).filter(({ trick }) => trick.name === 'label_smoothing');
  const text = studyText({ name: 'a', experiment: FILE, factors, budget: { runs: 8 }, blocks: 'seeds' });
  const study = parseStudy(text, 'a.study.yaml', () => ({ ok: true, parsed: baseline }));
  const commandAt = (level: number) => {
    const recipe = study.ok ? study.settings.recipeAt([level]) : null;
    return recipe && 'command' in recipe ? recipe.command.slice(-2) : null;
  };
  expect([0, 1].map(commandAt)).toEqual([
    ['--smoothing', '0'],
    ['--smoothing', '0.1'],
  ]);
});

const READERS: Readonly<Record<string, string>> = {
  'tools/train.py': 'from mmengine.runner import Runner',
  '_base_/resnet50.py':
    "model = dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=50), head=dict(type='LinearClsHead', num_classes=37))\n",
};
const CONFIG = `_base_ = ['./_base_/resnet50.py']
default_scope = 'mmpretrain'
train_cfg = dict(by_epoch=True, max_epochs=9)
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0001))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[3, 6], gamma=0.1)
`;

test.each([
  {
    system: 'timm',
    fileName: 'pets.sh',
    text: 'python train.py --data-dir pets --model resnet50 --epochs 30 --mixup 0.2 --smoothing 0.1 --model-ema --opt lamb\n',
    own: ['label_smoothing', 'mixup', 'ema', 'lamb'],
  },
  {
    system: 'timm',
    fileName: 'args.yaml',
    text: 'model: resnet50\ndata_dir: pets\nepochs: 30\nsmoothing: 0.1\nmixup: 0.2\nreprob: 0.25\nopt: sgd\nsched: cosine\nseed: 42\n',
    // `smoothing` has its default.
    own: ['mixup', 'random_erasing'],
  },
  {
    system: 'torchvision',
    fileName: 'pets.sh',
    text: 'python train.py --model resnet50 --data-path pets --epochs 20 --lr-scheduler cosineannealinglr --label-smoothing 0.1 --mixup-alpha 0.2\n',
    own: ['cosine_decay', 'label_smoothing', 'mixup'],
  },
  { system: 'mmpretrain', fileName: 'a.py', text: CONFIG, own: [] },
])("the study of a $system file, $fileName, is valid and tests the file's own tricks", (foreign) => {
  const { system, fileName, text, own } = foreign;
  const readText = (path: string) => READERS[path] ?? (path === fileName ? text : null);
  const written = commandExperimentText(text, fileName, { readText, isLifted: true });
  if (!written.ok) throw new Error(written.failure.what);
  const baseline = baselineOf(written.text, readText);
  expect(baseline.recipe.system).toBe(system);
  const factors = proposedFactors(baseline).filter(({ isSuggested }) => isSuggested);
  expect(factors.length).toBeGreaterThan(0);
  expect(named(factors)).toEqual(expect.arrayContaining(own));
  const surroundings: BudgetSurroundings = { noise: 0.25, smallestEffect: 0.2, secondsOfRun: null };
  const { subject } = experimentKnowledge(baseline, factors, new Map());
  const runs = budgetChoices(subject, surroundings).choices[0]?.runs ?? 0;
  expect(runs).toBeGreaterThan(0);
  const study = parseStudy(
    studyText({ name: 'pets', experiment: FILE, factors, budget: { runs }, blocks: 'seeds' }),
    'a.study.yaml',
    () => ({ ok: true, parsed: baseline }),
  );
  if (!study.ok) throw new Error(JSON.stringify('problems' in study ? study.problems : study.why));
  const { settings } = study;
  for (const [index, { trick, isIn }] of factors.entries()) {
    expect(isIn).toBe(own.includes(trick.name));
    const only = factors.map((_, each) => Number(each === index));
    expect(settings.recipeAt(only)?.tricks, trick.name).toContain(trick.name);
    expect(settings.recipeAt(only.map(() => 0))?.tricks, trick.name).not.toContain(trick.name);
  }
});

test('the study of a command repeats its runs with seeds', () => {
  const baseline = baselineOf(experimentOf(TIMM));
  const factors = proposedFactors(baseline).filter(({ trick }) => ['mixup', 'ema'].includes(trick.name));
  const text = studyText({ name: 'a', experiment: FILE, factors, budget: { runs: 16 }, blocks: 'seeds' });
  expect(parseStudy(text, 'a.study.yaml', () => ({ ok: true, parsed: baseline }))).toMatchObject({
    ok: true,
    study: { blocks: 'seeds', factors: [{ key: 'mixup' }, { key: 'ema' }] },
  });
});
