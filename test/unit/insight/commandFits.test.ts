/** The tricks in experiments that train by a command: which are in, which can be inserted, and why others cannot. */
import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { commandLenses } from '../../../src/insight/lenses';
import { addedArguments, type CommandFits, commandFits } from '../../../src/insight/systems/commandFits';
import { type CommandParseResult, parseAnyExperiment } from '../../../src/interop/command/parse';
import type { ReadText } from '../../../src/interop/import/adapter';
import { NO_FILES } from '../../../src/interop/import/adapters';
import type { TrickName } from '../../../src/tricks/registry';
import { experimentOf } from '../../support/commandExperiments';

const FILE = 'folder/a.experiment.yaml';

function read(
  text: string,
  readText: ReadText = NO_FILES,
): { parsed: CommandParseResult; fits: CommandFits } {
  const parsed = parseAnyExperiment(text, FILE, [], { readText });
  if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
  return { parsed, fits: commandFits(parsed, { fileName: FILE, readText }) };
}

const TIMM = `python train.py --data-dir pets --model resnet50 --num-classes 37 --epochs 30 --batch-size 64 --lr 0.1 --output \${run.folder} --experiment out --seed \${seed}`;

function fitOf(text: string, name: TrickName, readText?: ReadText) {
  const { parsed, fits } = read(text, readText);
  const fit = fits.fits.find(({ trick }) => trick.name === name);
  if (!fit) throw new Error(`${name}: ${fits.refusals.get(name)}`);
  return { fit, fits, parsed };
}

/** Returns a text after a click on a trick, or why it is refused. */
function toggled(text: string, name: TrickName): string {
  const { fit } = fitOf(text, name);
  const result = fit.toggle();
  return result.ok ? applyEdits(text, result.edits) : result.reason;
}

/** Returns the arguments that a trick becomes. */
function argumentsOf(text: string, name: TrickName, readText?: ReadText): string | null {
  const recipes = read(text, readText).fits.recipes(name);
  return recipes && addedArguments(recipes);
}

describe('a trick that the system has for the command', () => {
  test('is inserted under tricks, and removed again', () => {
    const text = experimentOf(TIMM);
    expect(fitOf(text, 'mixup').fit).toMatchObject({ isIn: false, unknown: null });
    const withIt = toggled(text, 'mixup');
    expect(withIt).toContain('tricks:\n  mixup: true\n');
    expect(fitOf(withIt, 'mixup').fit).toMatchObject({ isIn: true, unknown: null });
    expect(toggled(withIt, 'mixup')).not.toContain('mixup');
  });

  test('has options that fit the length of the training', () => {
    const text = experimentOf('python train.py --data-path pets --model resnet50 --epochs 30', {
      system: 'torchvision',
    });
    expect(fitOf(text, 'warmup').fit.value).toEqual({ epochs: 1 });
    expect(argumentsOf(text, 'warmup')).toBe('--lr-warmup-epochs 1 --lr-warmup-method linear');
  });

  test('has an effect in numbers where the command determines it', () => {
    expect(fitOf(experimentOf(TIMM), 'linear_scaling').fit.effect()).toBe('0.1 at 256 gives 0.025 at 64');
  });

  test('is configured as far as the system can express', () => {
    const text = experimentOf(TIMM, { rest: 'tricks: { ema: { decay: 0.99 } }' });
    const { fit } = fitOf(text, 'mixup');
    expect(fit.options()).toEqual([]);
    const ema = fitOf(text, 'ema').fit;
    expect(ema.options().map(({ name }) => name)).toContain('decay');
    expect(ema.configure('decay', 0.9)).toMatchObject({ ok: true });
    expect(ema.configure('decay', 3)).toMatchObject({ ok: false });
  });
});

describe('a trick that the command has', () => {
  test('by an option is in, and only a person removes it', () => {
    const text = experimentOf(`${TIMM} --mixup 0.2`);
    const { fit } = fitOf(text, 'mixup');
    expect(fit).toMatchObject({ isIn: true, isInCommand: true, byOption: '--mixup' });
    expect(toggled(text, 'mixup')).toBe(
      'The command already has mixup, by --mixup. Remove it from the command instead.',
    );
  });

  test('by default is switched off under tricks', () => {
    const text = experimentOf(TIMM);
    expect(fitOf(text, 'label_smoothing').fit).toMatchObject({ isIn: true, isInCommand: true });
    expect(fitOf(text, 'label_smoothing').fit.byOption).toBeUndefined();
    const off = toggled(text, 'label_smoothing');
    expect(off).toContain('label_smoothing: false');
    expect(fitOf(off, 'label_smoothing').fit.isIn).toBe(false);
  });
});

describe('a trick that the command cannot have', () => {
  test('has the reason', () => {
    const { refusals } = read(experimentOf(TIMM)).fits;
    expect(refusals.get('sam')).toBe('timm has no options for sam.');
    const torchvision = read(experimentOf('python train.py --model resnet50', { system: 'torchvision' }));
    expect(torchvision.fits.refusals.get('zero_gamma')).toContain('zero_init_residual');
  });

  test('is unknown if a file may set it', () => {
    const { fit } = fitOf(experimentOf(`${TIMM} --config more.yaml`), 'mixup');
    expect(fit.unknown).toBe('more.yaml may set it.');
    expect(fit.toggle()).toMatchObject({ ok: false });
  });

  test('may come by arguments of the file', () => {
    const text = experimentOf(TIMM, { more: 'arguments: { sam: { with: --sam } }' });
    expect(argumentsOf(text, 'sam')).toBe('--sam');
  });
});

test('an unknown option of the command leaves only what the file gives arguments for', () => {
  const { fits } = read(
    experimentOf(`${TIMM} --brand-new 3`, { more: 'arguments: { ema: { with: --my-ema } }' }),
  );
  expect(fits.fits.map(({ trick }) => trick.name)).toEqual(['ema']);
  expect(fits.refusals.get('mixup')).toContain('--brand-new');
});

test('a file with a wrong trick still takes others', () => {
  const text = experimentOf(TIMM, { rest: 'tricks: { sam: true }' });
  const { parsed, fits } = read(text);
  expect(parsed.ok).toBe(false);
  expect(fits.fits.find(({ trick }) => trick.name === 'sam')?.isIn).toBe(true);
  expect(toggled(text, 'mixup')).toContain('mixup: true');
  expect(toggled(text, 'sam')).not.toContain('sam');
});

test('a file without a command has only its own tricks', () => {
  const { fits } = read('name: a\ntrainer: { system: timm }\ntricks: { mixup: true }\n');
  expect(fits.fits.map(({ trick }) => trick.name)).toEqual(['mixup']);
  expect(fits.space).toBeNull();
});

test('another program has the tricks that its file gives arguments for', () => {
  const text = experimentOf('python my.py', {
    system: 'generic',
    more: `arguments: { mixup: { with: '--mixup \${alpha}' }, strong: { with: --strong } }`,
  });
  const { fits } = read(text);
  expect(fits.fits.map(({ trick }) => trick.name)).toEqual(['mixup']);
  expect(argumentsOf(text, 'mixup')).toBe('--mixup 0.2');
  const on = toggled(text, 'mixup');
  expect(
    fitOf(on, 'mixup')
      .fit.options()
      .map(({ name }) => name),
  ).toEqual(['alpha']);
});

describe('the arguments of a trick', () => {
  const recipe = (command: string) => ({ command: command.split(' ') }) as never;
  const added = (without: string, withIt: string) =>
    addedArguments({ without: recipe(without), with: recipe(withIt) });

  test('are those that the command does not have without it', () => {
    expect(added('a --lr 0.1 --seed 1', 'a --seed 1 --lr-base 0.1')).toBe('--lr-base 0.1');
    expect(added('a --opt sgd --seed 1', 'a --opt lars --seed 1')).toBe('--opt lars');
    expect(added('a --cfg-options x=1 --amp', 'a --cfg-options x=1 y=2 --amp')).toBe('--cfg-options y=2');
    expect(added('a --mixup 0.2', 'a')).toBe('');
  });

  test('of MMPretrain set the config', () => {
    const config =
      'model = dict(type="ImageClassifier", backbone=dict(type="ResNet", depth=50), head=dict(type="LinearClsHead", loss=dict(type="CrossEntropyLoss")))\noptim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1))\ntrain_cfg = dict(by_epoch=True, max_epochs=100)\n';
    const text = experimentOf(`python tools/train.py r50.py --work-dir \${run.folder}`, {
      system: 'mmpretrain',
    });
    const readText = (path: string) => (path === 'folder/r50.py' ? config : null);
    expect(argumentsOf(text, 'gradient_clipping', readText)).toBe(
      '--cfg-options optim_wrapper.clip_grad.max_norm=1',
    );
    expect(fitOf(text, 'mixup').fit.unknown).toBe('The config r50.py cannot be read.');
  });
});

test('lenses are above tricks and above the command, and say what the command has', () => {
  const text = experimentOf(`${TIMM} --mixup 0.2`, { rest: 'tricks:\n  cutmix: true\nseed: 3' });
  const { parsed, fits } = read(text);
  const surroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set<TrickName>() };
  const lenses = commandLenses(parsed, fits, surroundings);
  const titles = (line: number) =>
    lenses.filter((each) => each.line === line).map((each) => each.face().title);
  expect(titles(0)).toEqual(['Run', 'Recipe', 'Find out which tricks pay here']);
  expect(titles(2)).toContain('Remove warmup');
  const more = lenses.find((each) => each.line === 2 && each.face().title === 'More tricks...');
  expect(more?.face().tooltip).toContain('Mixup');
  expect(titles(4).slice(0, 3)).toEqual(['Remove CutMix', 'Configure CutMix...', 'Linear scaling from 256']);
  // A trick that the command cannot have is nowhere.
  expect(
    lenses.some((each) => /SAM|Knowledge distillation/.test(each.face().tooltip + each.face().title)),
  ).toBe(false);
});

test('a lens names the option by which the command has a trick', () => {
  const text = experimentOf('python train.py --model resnet50 --mixup-alpha 0.2', { system: 'torchvision' });
  const { parsed, fits } = read(text);
  const surroundings = { obstacle: null, lastRun: null, runs: new Map(), hidden: new Set<TrickName>() };
  const lens = commandLenses(parsed, fits, surroundings).find((each) =>
    each.face().title.startsWith('Mixup'),
  );
  expect(lens?.face().title).toBe('Mixup alpha 0.2: in the command');
  expect(lens?.face().tooltip).toContain('The command already has mixup, by --mixup-alpha.');
});
