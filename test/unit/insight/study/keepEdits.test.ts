import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../../../src/experiment/text/document';
import { applyEdits } from '../../../../src/experiment/text/textEdits';
import { keepEdits } from '../../../../src/insight/study/results/keepEdits';
import type { StudyFacts } from '../../../../src/protocol/studyView';
import { studyFacts } from '../../../support/studies';

const YAML = `# Our baseline
data: { dataset: fashion-mnist, batch_size: 128 }
model: { name: resnet20 }
optimizer:
  weight_decay: 0.0001  # as in the paper
schedule: { epochs: 10 }
tricks:
  linear_scaling: true
  mixup: true  # in question
  ema: { decay: 0.99 }
`;

/** Returns the file after the setting is applied, and the messages. */
function kept(text: string, setting: readonly number[], facts: StudyFacts = studyFacts(), name = 'a.yaml') {
  const { edits, reasons } = keepEdits(parseDocument(text, name), facts, setting);
  if (!edits.ok) throw new Error(edits.reason);
  return { text: applyEdits(text, edits.edits), edits: edits.edits, reasons };
}

describe('keeping what helps', () => {
  test('writes the chosen levels, removes the others, and keeps the rest', () => {
    const { text, edits } = kept(YAML, [1, 1, 0, 1, 1]);
    expect(edits).toHaveLength(1);
    expect(parseDocument(text, 'a.yaml').value).toEqual({
      data: { dataset: 'fashion-mnist', batch_size: 128 },
      model: { name: 'resnet20' },
      optimizer: { weight_decay: 0.0005 },
      schedule: { epochs: 10 },
      tricks: {
        linear_scaling: true,
        // A bare trick stays as it is in the experiment.
        ema: { decay: 0.99 },
        warmup: { epochs: 1 },
        label_smoothing: { epsilon: 0.1 },
      },
    });
    expect(text).toContain('# Our baseline');
    expect(text).toContain('# as in the paper');
  });

  test('the first levels remove every factor, and keep the first value of keys', () => {
    const { text } = kept(YAML, [0, 0, 0, 0, 0]);
    expect(parseDocument(text, 'a.yaml').value).toMatchObject({
      optimizer: { weight_decay: 0.0001 },
      tricks: { linear_scaling: true },
    });
    expect(text).not.toMatch(/mixup|ema/);
  });

  test('a file that has the set already is not changed', () => {
    const once = kept(YAML, [1, 1, 0, 1, 1]).text;
    expect(kept(once, [1, 1, 0, 1, 1]).edits).toEqual([]);
  });

  test('JSON is edited as JSON', () => {
    const { text } = kept(
      '{\n  "model": { "name": "resnet20" }\n}\n',
      [1, 0, 0, 0, 1],
      studyFacts(),
      'a.json',
    );
    expect(JSON.parse(text)).toEqual({
      model: { name: 'resnet20' },
      tricks: { warmup: { epochs: 1 } },
      optimizer: { weight_decay: 0.0005 },
    });
  });

  test('a trick under the name of another system is found', () => {
    const { text } = kept('model: { name: resnet20 }\ntricks:\n  mixup_alpha: 0.4\n', [0, 0, 0, 0, 0]);
    expect(text).not.toContain('mixup');
  });

  test('says of each factor what is kept, and why', () => {
    expect(kept(YAML, [1, 1, 0, 1, 1]).reasons).toEqual([
      'Kept warmup: helps, +0.31 ± 0.14 points.',
      'Kept label_smoothing: helps, +0.42 ± 0.14 points.',
      'Left out mixup: hurts, −0.35 ± 0.14 points.',
      'Kept ema: too small to matter, +0.03 ± 0.14 points.',
      'Kept optimizer.weight_decay 0.0005: undecided, +0.13 ± 0.14 points.',
    ]);
  });

  test('nothing is changed if the levels are unknown', () => {
    const { edits } = keepEdits(
      parseDocument(YAML, 'a.yaml'),
      studyFacts({ levelValues: null }),
      [1, 1, 0, 1, 1],
    );
    expect(edits).toEqual({ ok: false, reason: 'The study file can no longer be read.' });
  });
});
