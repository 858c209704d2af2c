import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { insertTrick, removeTrick } from '../../../src/experiment/edits';
import { parseExperiment } from '../../../src/experiment/parse';
import { parseDocument } from '../../../src/experiment/text/document';
import { applyEdits, type EditResult } from '../../../src/experiment/text/textEdits';
import { valueAt, withValue } from '../../../src/shared/values';
import { experimentFile, type GeneratedFile } from './documents';

function done(text: string, result: EditResult): string {
  if (!result.ok) throw new Error(`Refused: ${result.reason}\n${text}`);
  return applyEdits(text, result.edits);
}

function inserted({ text, fileName }: GeneratedFile, trick: string, value: unknown): string {
  return done(text, insertTrick(parseDocument(text, fileName), trick, value));
}

function removed({ text, fileName }: GeneratedFile, trick: string): string {
  return done(text, removeTrick(parseDocument(text, fileName), trick));
}

const warmup = fc.constantFrom<unknown>(true, { epochs: 2 }, { epochs: 1.5, count_from: 1 });
const runs = { numRuns: 400 };

describe('for any experiment file', () => {
  test('every generated file is a valid experiment', () => {
    fc.assert(
      fc.property(experimentFile, ({ text, fileName }) => {
        const result = parseExperiment(text, fileName);
        expect(result.ok ? [] : result.problems).toEqual([]);
      }),
      runs,
    );
  });

  test('inserting a trick and removing it again gives the same text', () => {
    fc.assert(
      fc.property(experimentFile, warmup, (file, value) => {
        const text = inserted(file, 'warmup', value);
        expect(removed({ ...file, text }, 'warmup')).toBe(file.text);
      }),
      runs,
    );
  });

  test('inserting a trick writes what was asked for, changes no other value, and validates', () => {
    fc.assert(
      fc.property(experimentFile, warmup, (file, value) => {
        const before = parseDocument(file.text, file.fileName).value;
        const result = parseExperiment(inserted(file, 'warmup', value), file.fileName);
        expect(result.ok ? [] : result.problems).toEqual([]);
        expect(result.document.value).toEqual(withValue(before, ['tricks', 'warmup'], value));
      }),
      runs,
    );
  });

  test('inserting a trick twice is the same as once', () => {
    fc.assert(
      fc.property(experimentFile, warmup, (file, value) => {
        const text = inserted(file, 'warmup', value);
        expect(insertTrick(parseDocument(text, file.fileName), 'warmup', value)).toEqual({
          ok: true,
          edits: [],
        });
      }),
      runs,
    );
  });

  test('inserting a trick only adds text', () => {
    fc.assert(
      fc.property(experimentFile, warmup, (file, value) => {
        const result = insertTrick(parseDocument(file.text, file.fileName), 'warmup', value);
        if (!result.ok) throw new Error(result.reason);
        for (const { length } of result.edits) expect(length).toBe(0);
      }),
      runs,
    );
  });

  test('tricks can be inserted and removed in any order', () => {
    fc.assert(
      fc.property(
        experimentFile,
        fc.shuffledSubarray(['warmup', 'zero_gamma', 'no_bias_decay'], { minLength: 3 }),
        fc.shuffledSubarray(['warmup', 'zero_gamma', 'no_bias_decay'], { minLength: 3 }),
        (file, order, back) => {
          const filled = order.reduce((text, trick) => inserted({ ...file, text }, trick, true), file.text);
          const emptied = back.reduce((text, trick) => removed({ ...file, text }, trick), filled);
          const result = parseExperiment(emptied, file.fileName);
          expect(result.ok ? [] : result.problems).toEqual([]);
          for (const trick of order)
            expect(valueAt(result.document.value, ['tricks', trick])).toBeUndefined();
        },
      ),
      runs,
    );
  });

  test('changing an option keeps every comment', () => {
    fc.assert(
      fc.property(experimentFile, (file) => {
        const text = inserted(file, 'warmup', { epochs: 1 });
        const changed = inserted({ ...file, text }, 'warmup', { epochs: 3, count_from: 1 });
        const back = inserted({ ...file, text: changed }, 'warmup', { epochs: 1 });
        expect(back).toBe(text);
      }),
      runs,
    );
  });
});

describe('edits', () => {
  const PLAIN = 'name: a\ndata: { dataset: synthetic }\nmodel: { name: resnet8 }\n';

  function edited(fileName: string, text: string, trick: string, value: unknown): string {
    return inserted({ text, fileName }, trick, value);
  }

  test('a new part comes after the schedule, in the style of the file', () => {
    expect(
      edited('a.yaml', `${PLAIN}schedule: { epochs: 3 } # short\nseed: 1`, 'warmup', { epochs: 1 }),
    ).toBe(`${PLAIN}schedule: { epochs: 3 } # short\ntricks:\n  warmup: { epochs: 1 }\nseed: 1`);
    expect(edited('a.yaml', 'schedule:\n    epochs: 3\n', 'warmup', { epochs: 1 })).toBe(
      'schedule:\n    epochs: 3\ntricks:\n    warmup:\n        epochs: 1\n',
    );
    expect(edited('a.json', '{\n\t"schedule": {\n\t\t"epochs": 3\n\t}\n}\n', 'warmup', { epochs: 1 })).toBe(
      '{\n\t"schedule": {\n\t\t"epochs": 3\n\t},\n\t"tricks": {\n\t\t"warmup": {\n\t\t\t"epochs": 1\n\t\t}\n\t}\n}\n',
    );
  });

  test('without a schedule a new part comes last', () => {
    expect(edited('a.yaml', PLAIN, 'zero_gamma', true)).toBe(`${PLAIN}tricks:\n  zero_gamma: true\n`);
    expect(edited('a.json', '{"name":"a"}', 'zero_gamma', true)).toBe(
      '{"name":"a","tricks":{"zero_gamma":true}}',
    );
  });

  test('empty braces stay when they are empty again', () => {
    const text = `${PLAIN}tricks: {}\n`;
    const filled = edited('a.yaml', text, 'zero_gamma', true);
    expect(filled).toBe(`${PLAIN}tricks: { zero_gamma: true }\n`);
    expect(removed({ text: filled, fileName: 'a.yaml' }, 'zero_gamma')).toBe(text);
  });

  test('a disabled trick is enabled in place', () => {
    expect(edited('a.yaml', 'tricks:\n  warmup: false # later\n', 'warmup', { epochs: 2 })).toBe(
      'tricks:\n  warmup:\n    epochs: 2 # later\n'.replace(':\n    epochs: 2', ': { epochs: 2 }'),
    );
  });

  test('changing an option keeps the comments of the other options', () => {
    const text = 'tricks:\n  warmup:\n    # as in the paper\n    epochs: 5 # of 120\n    count_from: 0\n';
    expect(edited('a.yaml', text, 'warmup', { epochs: 2 })).toBe(
      'tricks:\n  warmup:\n    # as in the paper\n    epochs: 2 # of 120\n',
    );
  });

  test('comments below a mapping without values stay above the new one', () => {
    expect(edited('a.yaml', 'tricks: # all off\n  # warmup: true\n\nseed: 1\n', 'zero_gamma', true)).toBe(
      'tricks: # all off\n  # warmup: true\n  zero_gamma: true\n\nseed: 1\n',
    );
  });

  test('removing a missing trick changes nothing', () => {
    expect(removeTrick(parseDocument(PLAIN, 'a.yaml'), 'warmup')).toEqual({ ok: true, edits: [] });
  });

  test('the last trick takes its comment with it and keeps the others', () => {
    const text =
      '{\n  "a": 1, // one\n  "tricks": {\n    // first\n    "warmup": true, // two\n    "zero_gamma": true // three\n  }\n}\n';
    expect(removed({ text, fileName: 'a.jsonc' }, 'zero_gamma')).toBe(
      '{\n  "a": 1, // one\n  "tricks": {\n    // first\n    "warmup": true // two\n  }\n}\n',
    );
  });

  test.each([
    ['other values are wrong', 'name: 3\nmodel: { nam: x }\ntricks:\n  zero_gamma: true\n'],
    ['a bracket elsewhere is not closed', 'tricks:\n  zero_gamma: true\nmodel: { name: resnet8\nseed: 1\n'],
    ['a key elsewhere is written twice', 'seed: 1\ntricks:\n  zero_gamma: true\nseed: 2\n'],
    ['a second document follows', 'tricks:\n  zero_gamma: true\n---\nname: b\n'],
  ])('work if %s', (_, text) => {
    const expected = text.replace('zero_gamma: true\n', 'zero_gamma: true\n  no_bias_decay: true\n');
    expect(edited('a.yaml', text, 'no_bias_decay', true)).toBe(expected);
    expect(removed({ text: expected, fileName: 'a.yaml' }, 'no_bias_decay')).toBe(text);
  });

  test.each([
    ['a.yaml', '', 'The file holds no experiment to edit.'],
    ['a.yaml', '- a\n', 'The file holds no experiment to edit.'],
    ['a.yaml', 'tricks: yes\n', 'tricks is not a mapping.'],
    [
      'a.yaml',
      'a: &t { zero_gamma: true }\ntricks: *t\n',
      'tricks is an alias: its value is written elsewhere.',
    ],
    [
      'a.yaml',
      'tricks: { zero_gamma: true }\ntricks: {}\n',
      'As the file is written now, the edit would change other parts of it.',
    ],
    ['a.json', '[', 'The file holds no experiment to edit.'],
  ])('are refused with a reason: %s %j', (fileName, text, reason) => {
    expect(insertTrick(parseDocument(text, fileName), 'warmup', true)).toEqual({ ok: false, reason });
  });

  test('a value that others repeat is not removed', () => {
    const text = 'tricks:\n  warmup: { epochs: &n 3 }\n  zero_gamma: true\nschedule: { epochs: *n }\n';
    expect(removeTrick(parseDocument(text, 'a.yaml'), 'warmup')).toEqual({
      ok: false,
      reason: 'The alias *n has no anchor before it.',
    });
    expect(insertTrick(parseDocument(text, 'a.yaml'), 'warmup', { epochs: 2 }).ok).toBe(false);
  });
});
