/** Quick fixes in experiments that train by a command. */
import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { commandFixes } from '../../../src/insight/systems/commandFixes';
import { parseAnyExperiment } from '../../../src/interop/command/parse';
import { experimentOf } from '../../support/commandExperiments';

function fixes(text: string, fileName = 'a.experiment.yaml') {
  const parsed = parseAnyExperiment(text, fileName);
  if (parsed.kind !== 'command') throw new Error('This is no command experiment.');
  return commandFixes(parsed, { fileName });
}

/** Returns a text after its preferred fix. The fixed file has no fix of that title any more. */
function fixed(text: string): string {
  const preferred = fixes(text).filter(({ isPreferred }) => isPreferred);
  expect(preferred).toHaveLength(1);
  const edits = preferred[0]!.edits();
  if (!edits.ok) throw new Error(edits.reason);
  const after = applyEdits(text, edits.edits);
  expect(fixes(after).map(({ title }) => title)).not.toContain(preferred[0]!.title);
  return after;
}

const file = (command: string, system: string, more = '') =>
  `name: a\ntrainer:\n  command: ${command}\n  system: ${system}\n${more}`;

describe('the seed', () => {
  test('of timm is added at the end, whatever the form of the command', () => {
    for (const [before, after] of [
      ['python train.py --lr 0.1', `python train.py --lr 0.1 --seed \${seed}`],
      ['"python train.py --lr 0.1"', `"python train.py --lr 0.1 --seed \${seed}"`],
      ['>-\n    python train.py\n    --lr 0.1', `>-\n    python train.py\n    --lr 0.1 --seed \${seed}`],
    ] as const) {
      expect(fixed(file(before, 'timm'))).toBe(file(after, 'timm'));
    }
    expect(fixed(file('[python, train.py]', 'timm'))).toContain('--seed');
  });

  test('that the command had becomes that of the file', () => {
    expect(fixed(file('python train.py --seed 7 --epochs 7', 'timm'))).toBe(
      file(`python train.py --seed \${seed} --epochs 7`, 'timm', 'seed: 7\n'),
    );
    expect(fixed(file('python train.py --seed=7', 'timm', 'seed: 3\n'))).toBe(
      file(`python train.py --seed=\${seed}`, 'timm', 'seed: 3\n'),
    );
  });

  test('of MMPretrain goes to the options that are there', () => {
    expect(fixed(file('python tools/train.py c.py', 'mmpretrain'))).toContain(
      `tools/train.py c.py --cfg-options randomness.seed=\${seed}\n`,
    );
    expect(fixed(file('python tools/train.py c.py --cfg-options a=1 --amp', 'mmpretrain'))).toContain(
      `c.py --cfg-options randomness.seed=\${seed} a=1 --amp\n`,
    );
  });

  test('of torchvision is offered as a variable, which the script must read', () => {
    const [fix] = fixes(file('python train.py', 'torchvision'));
    expect(fix).toMatchObject({ title: 'Write seed_variable: SEED', isPreferred: false });
  });

  test('that the command gets needs no fix', () => {
    expect(fixes(file(`python train.py --seed \${seed}`, 'timm'))).toEqual([]);
    expect(fixes(file('python train.py', 'torchvision', '  seed_variable: SEED\n'))).toEqual([]);
  });
});

test('a misspelled option of the command is corrected', () => {
  const text = file(`python train.py --mixupp 0.2 --seed \${seed}`, 'timm');
  expect(fixed(text)).toBe(file(`python train.py --mixup 0.2 --seed \${seed}`, 'timm'));
});

test('a trick that the system does not have is removed', () => {
  const text = experimentOf(`python train.py --seed \${seed}`, {
    rest: 'tricks: { sam: true, mixup: true }',
  });
  const titles = fixes(text).map(({ title }) => title);
  expect(titles).toEqual(['Remove sharpness-aware minimization']);
});

test('nothing offers to remove the trainer', () => {
  const titles = fixes(file('python train.py', 'tim')).map(({ title }) => title);
  expect(titles).toContain('Write timm');
  expect(titles.filter((title) => title.startsWith('Remove'))).toEqual([]);
});
