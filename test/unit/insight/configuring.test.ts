import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { translate } from '../../../src/experiment/aliases';
import { insertTrick } from '../../../src/experiment/edits';
import { parseExperiment } from '../../../src/experiment/parse';
import { parseDocument } from '../../../src/experiment/text/document';
import { applyEdits } from '../../../src/experiment/text/textEdits';
import { foreignFits } from '../../../src/insight/foreignFits';
import { type TrickFit, trickFits } from '../../../src/insight/trickFit';
import { optionText, typedValue } from '../../../src/insight/trickOptions';
import { valueAt, withValue } from '../../../src/shared/values';
import { ALL_TRICKS } from '../../../src/tricks/registry';
import { experimentFile } from '../experiment/documents';

const HEAD = `name: configured
data: { dataset: fashion-mnist-sample, batch_size: 1024 }
model: { name: resnet20 }
`;

function fitIn(text: string, name: string, fileName = 'a.experiment.yaml'): TrickFit {
  const fits = fileName.includes('.experiment.')
    ? trickFits(parseExperiment(text, fileName))
    : (foreignFits(text, fileName)?.fits ?? []);
  const fit = fits.find(({ trick }) => trick.name === name);
  if (!fit) throw new Error(`${name} is not there`);
  return fit;
}

/** Returns the text after an option is set, or the reason if that is refused. */
function configured(text: string, name: string, option: string, value: unknown, fileName?: string): string {
  const result = fitIn(text, name, fileName).configure(option, value);
  return result.ok ? applyEdits(text, result.edits) : result.reason;
}

const optionsOf = (text: string, name: string, fileName?: string) =>
  fitIn(text, name, fileName)
    .options()
    .map((option) => `${option.name}: ${optionText(option)}`);

describe('the options of an active trick', () => {
  test('have their value, default, meaning and choices, from the schema', () => {
    const text = `${HEAD}tricks:\n  mixed_precision: { loss_scale: 128 }\n`;
    const options = fitIn(text, 'mixed_precision').options();
    expect(options.slice(0, 3)).toEqual([
      {
        name: 'dtype',
        meaning: 'Format to compute in. bfloat16 has the range of FP32 and needs no loss scale.',
        value: 'float16',
        default: 'float16',
        choices: ['float16', 'bfloat16'],
        isOpen: false,
        namesRun: false,
      },
      {
        name: 'loss_scale',
        meaning: 'Loss scale: a fixed number, or dynamic, which adapts to overflows.',
        value: 128,
        default: 'dynamic',
        choices: ['dynamic'],
        isOpen: true,
        namesRun: false,
      },
      expect.objectContaining({ name: 'initial_scale', choices: [], isOpen: true }),
    ]);
    expect(options.map(optionText).slice(0, 2)).toEqual(['float16 (default)', '128 (default dynamic)']);
  });

  test('exist for every trick of the registry with options, and only if it is active', () => {
    for (const { name, options } of ALL_TRICKS) {
      const text = `${HEAD}tricks: { ${name}: true }\n`;
      const found = fitIn(text, name).options();
      expect(found.map((option) => option.name)).toEqual(Object.keys(options.shape));
      for (const { meaning } of found) expect(meaning).toMatch(/\w.*\.$/);
    }
    expect(fitIn(HEAD, 'warmup').options()).toEqual([]);
  });

  test('name runs if a run is meant', () => {
    const text = `${HEAD}tricks: { distillation: { teacher: a } }\n`;
    expect(
      fitIn(text, 'distillation')
        .options()
        .filter(({ namesRun }) => namesRun)
        .map(({ name }) => name),
    ).toEqual(['teacher']);
  });

  test('are read under the name of another system', () => {
    expect(optionsOf(`${HEAD}tricks: { warmup_epochs: 7 }\n`, 'warmup')[0]).toBe('epochs: 7 (default 5)');
  });
});

describe('setting an option', () => {
  test('changes only that value, or adds it, in YAML and in JSON', () => {
    const yaml = `${HEAD}tricks:\n  # kept\n  warmup:\n    epochs: 5   # of 120\n    update: epoch\n`;
    expect(configured(yaml, 'warmup', 'epochs', 3)).toBe(yaml.replace('epochs: 5', 'epochs: 3'));
    expect(configured(yaml, 'warmup', 'count_from', 1)).toBe(`${yaml}    count_from: 1\n`);
    const json = `{
  "name": "a", // kept
  "data": { "dataset": "synthetic" },
  "model": { "name": "resnet8" },
  "tricks": { "mixup": { "alpha": 0.2 /* kept */ }, "ema": true }
}
`;
    const fileName = 'a.experiment.jsonc';
    expect(configured(json, 'mixup', 'alpha', 0.4, fileName)).toBe(json.replace('0.2', '0.4'));
    expect(configured(json, 'ema', 'decay', 0.99, fileName)).toBe(
      json.replace('"ema": true', '"ema": { "decay": 0.99 }'),
    );
  });

  test('turns a bare trick into a mapping, and keeps the bare value of another name', () => {
    expect(configured(`${HEAD}tricks:\n  ema: true # on\n`, 'ema', 'decay', 0.99)).toContain(
      '  ema: { decay: 0.99 } # on\n',
    );
    const alias = `${HEAD}tricks:\n  warmup_epochs: 3\n`;
    expect(configured(alias, 'warmup', 'epochs', 4)).toBe(alias.replace('3', '4'));
    expect(configured(alias, 'warmup', 'update', 'epoch')).toContain(
      '  warmup_epochs: { epochs: 3, update: epoch }\n',
    );
  });

  test.each([
    ['warmup', 'epochs', -1, 'tricks.warmup.epochs must be greater than 0, not -1.'],
    ['warmup', 'epochs', 500, 'Warmup of 500 epochs is longer than the training of 120.'],
    ['warmup', 'epochs', '', 'tricks.warmup.epochs must be a number, not ""'],
    ['warmup', 'update', 'month', 'tricks.warmup.update must be step or epoch, not "month".'],
    ['mixed_precision', 'loss_scale', 'large', 'tricks.mixed_precision.loss_scale must be dynamic'],
  ])('%s.%s is refused %j in the words of the diagnostics', (name, option, value, words) => {
    const text = `${HEAD}tricks: { warmup: true, mixed_precision: true }\n`;
    expect(configured(text, name, option, value)).toContain(words);
    const written = withValue(parseDocument(text, 'a.yaml').value, ['tricks', name], { [option]: value });
    const parsed = parseExperiment(JSON.stringify(written), 'a.experiment.json');
    expect(!parsed.ok && parsed.problems.map(({ what, remedy }) => `${what} ${remedy}`)).toEqual([
      configured(text, name, option, value),
    ]);
  });

  test('fixes the wrong option, and others of a file with errors elsewhere', () => {
    const wrong = `${HEAD}tricks: { warmup: { epochs: 500 } }\n`;
    expect(configured(wrong, 'warmup', 'epochs', 5)).toBe(wrong.replace('500', '5'));
    const elsewhere = `${HEAD}sede: 3\ntricks: { warmup: { epochs: 5 } }\n`;
    expect(configured(elsewhere, 'warmup', 'epochs', 4)).toBe(elsewhere.replace('5 }', '4 }'));
    expect(configured(elsewhere, 'warmup', 'epochs', -4)).toContain('must be greater than 0');
  });

  test('is refused with a reason if the file cannot be edited safely', () => {
    const text =
      'x: &t { warmup: { epochs: 1 } }\nname: a\ndata: { dataset: synthetic }\nmodel: { name: resnet8 }\ntricks: *t\n';
    expect(configured(text, 'warmup', 'epochs', 2)).toMatch(/\w.*\.$/);
  });

  test('in any file changes only this value, and setting it back gives the same text', () => {
    const choices = fc.constantFrom(
      ['warmup', { epochs: 2, update: 'step' }, 'epochs', 3],
      ['ema', { decay: 0.99 }, 'decay', 0.9],
      ['mixup', { alpha: 0.2 }, 'alpha', 1],
      ['mixed_precision', { dtype: 'float16' }, 'dtype', 'bfloat16'],
    ) as fc.Arbitrary<[string, Record<string, unknown>, string, unknown]>;
    fc.assert(
      fc.property(experimentFile, choices, ({ text, fileName }, [name, written, option, value]) => {
        const insertion = insertTrick(parseDocument(text, fileName), name, written);
        fc.pre(insertion.ok);
        const before = insertion.ok ? applyEdits(text, insertion.edits) : text;
        const after = configured(before, name, option, value, fileName);
        const data = parseDocument(before, fileName).value;
        expect(parseDocument(after, fileName).value).toEqual(
          withValue(data, ['tricks', name, option], value),
        );
        expect(parseExperiment(after, fileName).ok).toBe(true);
        expect(configured(after, name, option, written[option], fileName)).toBe(before);
        expect(configured(after, name, option, value, fileName)).toBe(after);
      }),
      { numRuns: 150 },
    );
  });
});

describe('typed values', () => {
  const trick = (name: string) => ALL_TRICKS.find((each) => each.name === name)!;

  test.each([
    ['warmup', 'epochs', ' 2.5 ', 2.5],
    ['warmup', 'epochs', '', ''],
    ['warmup', 'epochs', '1e-3', 0.001],
    ['warmup', 'epochs', 'two', 'two'],
    ['mixed_precision', 'loss_scale', '128', 128],
    ['mixed_precision', 'loss_scale', 'dynamic', 'dynamic'],
    // A run's id stays a string.
    ['distillation', 'teacher', '20261126', '20261126'],
  ])('%s.%s %j is %j', (name, option, typed, value) => {
    expect(typedValue(trick(name), option, typed)).toBe(value);
  });
});

describe("in other systems' files", () => {
  const TIMM =
    'model: resnet50\nopt: sgd\nsched: step\nlr: 0.1\nepochs: 90\nbatch_size: 1024\nwarmup_epochs: 5 # kept\n';

  test('the options are those that the system can express', () => {
    expect(optionsOf(TIMM, 'warmup', 'args.yaml')).toEqual(['epochs: 5 (default)']);
    expect(configured(TIMM, 'warmup', 'epochs', 3, 'args.yaml')).toBe(
      TIMM.replace('epochs: 5 #', 'epochs: 3 #'),
    );
    const script = 'python train.py --lr-scheduler steplr --mixup-alpha 0.2 --epochs 90\n';
    expect(configured(script, 'mixup', 'alpha', 0.4, 'a.sh')).toBe(script.replace('0.2', '0.4'));
    const config =
      "default_scope = 'mmpretrain'\noptim_wrapper = dict(type='OptimWrapper', clip_grad=dict(max_norm=1.0))\n";
    expect(configured(config, 'gradient_clipping', 'max_norm', 5, 'a.py')).toBe(config.replace('1.0', '5'));
  });

  test('an invalid value is refused', () => {
    expect(configured(TIMM, 'warmup', 'epochs', 'long', 'args.yaml')).toContain('must be a number');
    expect(configured(TIMM, 'warmup', 'epochs', 100, 'args.yaml')).toContain(
      'longer than the training of 90',
    );
  });
});

test('the options of a file are read in its own syntax', () => {
  const text = `${HEAD}tricks: { model_ema_decay: 0.99 }\n`;
  expect(valueAt(translate(parseDocument(text, 'a.yaml').value).value, ['tricks', 'ema', 'decay'])).toBe(
    0.99,
  );
  expect(optionsOf(text, 'ema')[0]).toBe('decay: 0.99 (default 0.9999)');
});
