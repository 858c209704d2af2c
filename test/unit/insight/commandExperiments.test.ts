/** Completions and hovers in experiments that train by a command. */
import { expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { completionsAt } from '../../../src/insight/completions';
import { hoverAt } from '../../../src/insight/hovers';
import { commandFits } from '../../../src/insight/systems/commandFits';
import { parseAnyExperiment } from '../../../src/interop/command/parse';

const FILE = 'a.experiment.yaml';

/** Returns the completions at the mark `|`. */
function items(marked: string) {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const found = completionsAt(text, FILE, offset, { runs: [], hasSchemaHelp: false });
  return found?.items ?? [];
}

/** Returns the labels of the completions at the mark `|`. */
function labels(marked: string): string[] {
  return items(marked).map(({ label }) => label);
}

const TRAINER = 'name: a\ntrainer:\n  command: python train.py\n';

test('keys and values of a trainer are completed', () => {
  expect(labels(`${TRAINER}  |`)).toEqual([
    ...['system', 'working_directory', 'metrics', 'checkpoint', 'resume', 'epochs', 'arguments'],
    ...['environment', 'seed_variable', 'values'],
  ]);
  expect(labels(`${TRAINER}  system: |`)).toEqual(['timm', 'torchvision', 'mmpretrain', 'generic']);
  expect(labels(`${TRAINER}  metrics: { csv: x.csv, | }`)).toContain('columns');
  expect(labels(`${TRAINER}  metrics: { csv: x.csv, columns: { | } }`)).toContain('validation_accuracy');
  expect(labels(`${TRAINER}|`)).toEqual(['tricks', 'seed']);
});

test('tricks are completed, except those that the file has', () => {
  const found = labels(`${TRAINER}  system: timm\ntricks:\n  mixup: true\n  |`);
  expect(found).toContain('cutmix');
  expect(found).not.toContain('mixup');
});

test('only tricks that the command can have are completed, with the arguments that they become', () => {
  const found = items(`${TRAINER}  system: torchvision\ntricks:\n  |`);
  const names = found.map(({ label }) => label);
  expect(found.find(({ label }) => label === 'mixup')?.detail).toBe('--mixup-alpha 0.2');
  expect(names).not.toContain('sam');
  expect(names).not.toContain('zero_gamma');
  // The command has it by default.
  expect(labels(`${TRAINER}  system: timm\ntricks:\n  |`)).not.toContain('label_smoothing');
  // A trick whose state a config hides is left out.
  expect(
    labels(`name: a\ntrainer: { command: python train.py --config c.yaml, system: timm }\ntricks:\n  |`),
  ).toEqual([]);
});

test('names under the arguments of another program are completed', () => {
  const text = `${TRAINER}  system: generic\n  arguments: { mixup: { with: --mix }, strong: { with: --strong 2 } }\ntricks:\n  |`;
  expect(items(text).map(({ label, detail }) => [label, detail])).toEqual([
    ['mixup', '--mix'],
    ['strong', '--strong 2'],
  ]);
});

test('a file with errors is completed with the tricks that its system has', () => {
  const found = labels('name: a\ntrainer:\n  system: torchvision\ntricks:\n  |');
  expect(found).toContain('mixup');
  expect(found).not.toContain('sam');
});

test('keys are explained', () => {
  const text = `${TRAINER}  system: timm\ntricks: { mixup: true }\n`;
  const hover = (word: string) =>
    hoverAt(parseExperiment(text, FILE), text.indexOf(word) + 1, new Map(), false);
  expect(hover('command')?.parts[1]).toContain('No shell runs it.');
  expect(hover('system')?.parts.join(' ')).toContain(
    'One of `timm`, `torchvision`, `mmpretrain`, `generic`.',
  );
  expect(hover('mixup')?.parts[0]).toBe('**Mixup**');
});

test('a trick is explained with the arguments that it becomes, and tricks of the command count as in use', () => {
  const text = `${TRAINER}  system: timm\ntricks: { mixup: true, sam: true }\n`;
  const parsed = parseAnyExperiment(text, FILE);
  if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
  const command = commandFits(parsed, { fileName: FILE });
  const hover = (word: string) =>
    hoverAt(parseExperiment(text, FILE), text.indexOf(word) + 1, new Map(), false, [], [], command)?.parts ??
    [];
  expect(hover('mixup')).toContain('In the command: `--mixup 0.2`.');
  expect(hover('tricks').at(-1)).toBe('8 of 21 tricks are in use.');
});
