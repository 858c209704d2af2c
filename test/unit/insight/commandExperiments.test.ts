/** Completions and hovers in experiments that train by a command. */
import { expect, test } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { completionsAt } from '../../../src/insight/completions';
import { hoverAt } from '../../../src/insight/hovers';

const FILE = 'a.experiment.yaml';

/** Returns the labels of the completions at the mark `|`. */
function labels(marked: string): string[] {
  const offset = marked.indexOf('|');
  const text = marked.slice(0, offset) + marked.slice(offset + 1);
  const found = completionsAt(text, FILE, offset, { runs: [], hasSchemaHelp: false });
  return found?.items.map(({ label }) => label) ?? [];
}

const TRAINER = 'name: a\ntrainer:\n  command: python train.py\n';

test('keys and values of a trainer are completed', () => {
  expect(labels(`${TRAINER}  |`)).toEqual([
    ...['system', 'working_directory', 'metrics', 'checkpoint', 'resume', 'arguments', 'environment'],
    ...['seed_variable', 'values'],
  ]);
  expect(labels(`${TRAINER}  system: |`)).toEqual(['timm', 'torchvision', 'mmpretrain', 'generic']);
  expect(labels(`${TRAINER}  metrics: { csv: x.csv, | }`)).toContain('columns');
  expect(labels(`${TRAINER}  metrics: { csv: x.csv, columns: { | } }`)).toContain('validation_accuracy');
  expect(labels(`${TRAINER}|`)).toEqual(['tricks', 'seed']);
});

test('tricks are completed, except those that the file has', () => {
  const found = labels(`${TRAINER}  system: timm\ntricks:\n  mixup: true\n  |`);
  expect(found).toContain('label_smoothing');
  expect(found).not.toContain('mixup');
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
