/** Proposing a study of an experiment that a command trains. */
import { expect, test } from 'vitest';
import { parseDocument } from '../../../src/experiment/text/document';
import { type BudgetSurroundings, budgetChoices } from '../../../src/insight/study/budgets';
import { studyText } from '../../../src/insight/study/proposal';
import { commandFits } from '../../../src/insight/systems/commandFits';
import { commandSubject, proposedCommandFactors } from '../../../src/insight/systems/commandProposal';
import { parseAnyExperiment } from '../../../src/interop/command/parse';
import { experimentOf } from '../../support/commandExperiments';

const FILE = 'a.experiment.yaml';
const TIMM = `python train.py --data-dir pets --model resnet50 --num-classes 37 --epochs 30 --batch-size 64 --lr 0.1 --seed \${seed}`;

function proposal(text: string) {
  const parsed = parseAnyExperiment(text, FILE);
  if (parsed.kind !== 'command' || !parsed.ok) throw new Error('This is no sound command experiment.');
  const fits = commandFits(parsed, { fileName: FILE });
  if (!fits.space) throw new Error('The experiment has no space.');
  return { proposed: proposedCommandFactors(fits), space: fits.space };
}

const named = (proposed: ReturnType<typeof proposal>['proposed']) => proposed.map(({ trick }) => trick.name);

test('only tricks that the system has for the model are proposed, and whose state is known', () => {
  const names = named(proposal(experimentOf(TIMM)).proposed);
  expect(names).toContain('mixup');
  expect(names).toContain('ema');
  for (const impossible of ['sam', 'resnet_d', 'distillation']) expect(names).not.toContain(impossible);
  expect(named(proposal(experimentOf(`${TIMM} --config c.yaml`)).proposed)).toEqual([]);
  // VGG has no residual blocks.
  const vgg = named(proposal(experimentOf(TIMM.replace('resnet50', 'vgg16_bn'))).proposed);
  expect(vgg).toContain('mixup');
  expect(vgg).not.toContain('stochastic_depth');
});

test('a trick by an option of the command is not proposed, because no study can switch it off', () => {
  const names = named(proposal(experimentOf(`${TIMM} --mixup 0.2`)).proposed);
  expect(names).not.toContain('mixup');
  expect(names).toContain('cutmix');
});

test('a trick of the file is proposed, and one by default is proposed but not suggested', () => {
  const { proposed } = proposal(experimentOf(TIMM, { rest: 'tricks: { mixup: { alpha: 0.4 } }' }));
  const of = (name: string) => proposed.find(({ trick }) => trick.name === name);
  expect(of('mixup')).toMatchObject({ isIn: true, isByDefault: false, value: true, isSuggested: true });
  expect(of('label_smoothing')).toMatchObject({ isIn: false, isByDefault: true, isSuggested: false });
});

test('of tricks that exclude each other, only the first is suggested', () => {
  const { proposed, space } = proposal(experimentOf(TIMM));
  const of = (name: string) => proposed.find(({ trick }) => trick.name === name);
  expect(of('lars')?.isSuggested).toBe(true);
  expect(of('lamb')?.isSuggested).toBe(false);
  const both = proposed.filter(({ trick }) => ['lars', 'lamb'].includes(trick.name));
  const { settings } = commandSubject(both, space);
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
  ).toEqual([...[true, true, true, false]]);
});

test('a trick by default is off at its first level', () => {
  const { proposed, space } = proposal(experimentOf(TIMM));
  const factor = proposed.filter(({ trick }) => trick.name === 'label_smoothing');
  const { settings } = commandSubject(factor, space);
  expect(settings.isAllowed([1])).toBe(true);
});

test('budgets are computed, and the study is written with seeds as blocks', () => {
  const { proposed, space } = proposal(experimentOf(TIMM));
  const factors = proposed.filter(({ trick }) => ['mixup', 'cutmix', 'ema'].includes(trick.name));
  const surroundings: BudgetSurroundings = { noise: 0.25, smallestEffect: 0.2, secondsOfRun: null };
  const { choices } = budgetChoices(commandSubject(factors, space), surroundings);
  expect(choices.length).toBeGreaterThan(0);
  const text = studyText({
    ...{ name: 'pets', experiment: 'pets.experiment.yaml', factors, budget: { runs: 16 }, blocks: 'seeds' },
  });
  expect(parseDocument(text, 'pets.study.yaml').value).toMatchObject({
    experiment: 'pets.experiment.yaml',
    factors: ['mixup', 'cutmix', 'ema'],
    blocks: 'seeds',
  });
});
