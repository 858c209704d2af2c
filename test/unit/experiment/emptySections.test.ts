import { describe, expect, test } from 'vitest';
import { insertTrick, removeTrick } from '../../../src/experiment/edits';
import { parseExperiment } from '../../../src/experiment/parse';
import { parseDocument } from '../../../src/experiment/text/document';
import { applyEdits, type EditResult } from '../../../src/experiment/text/textEdits';
import { valueAt } from '../../../src/shared/values';

const BASE = 'name: a\ndata: { dataset: synthetic }\nmodel: { name: resnet8 }\n';
const JSON_BASE = '"name": "a", "data": { "dataset": "synthetic" }, "model": { "name": "resnet8" }';

function done(text: string, result: EditResult): string {
  if (!result.ok) throw new Error(`Refused: ${result.reason}\n${text}`);
  return applyEdits(text, result.edits);
}

const EMPTY: readonly (readonly [name: string, text: string])[] = [
  ['a.yaml', `${BASE}tricks:\n`],
  ['a.yaml', `${BASE}tricks: # none yet\n`],
  ['a.yaml', `${BASE}tricks:\n  # warmup: true\nseed: 1\n`],
  ['a.yaml', `${BASE}tricks: null\n`],
  ['a.yaml', `${BASE}tricks: ~\nseed: 1\n`],
  ['a.yaml', `${BASE}tricks: null # none yet\n  # warmup: true\nseed: 1`],
  ['a.yaml', `${BASE}tricks: null`],
  ['a.yaml', `${BASE}tricks: {}\n`],
  ['a.yaml', '{ name: a, data: { dataset: synthetic }, model: { name: resnet8 }, tricks: null, seed: 1 }\n'],
  ['a.yaml', '{ name: a, data: { dataset: synthetic }, model: { name: resnet8 }, tricks: , seed: 1 }\n'],
  ['a.yaml', '{ name: a, data: { dataset: synthetic }, model: { name: resnet8 }, tricks }\n'],
  ['a.json', `{ ${JSON_BASE}, "tricks": null }`],
  ['a.json', `{\n  ${JSON_BASE},\n  "tricks": null,\n  "seed": 1\n}\n`],
  ['a.jsonc', `{ ${JSON_BASE}, "tricks": null /* none */ }`],
  ['a.json', `{${JSON_BASE.replaceAll(' ', '')},"tricks":null}`],
  ['a.json', `{ ${JSON_BASE}, "tricks": {} }`],
];

describe('an empty section', () => {
  test.each(EMPTY)('%s: %j equals an omitted one, and takes a trick', (fileName, text) => {
    expect(parseExperiment(text, fileName).ok).toBe(true);
    for (const value of [true, { epochs: 3 }]) {
      const edited = done(text, insertTrick(parseDocument(text, fileName), 'warmup', value));
      const parsed = parseExperiment(edited, fileName);
      expect([edited, parsed.ok ? [] : parsed.problems]).toEqual([edited, []]);
      expect(valueAt(parsed.document.value, ['tricks', 'warmup'])).toEqual(value);
      const [, comment] = /(# none yet|\/\* none \*\/)/.exec(text) ?? [];
      expect(edited).toContain(comment ?? '');
      const without = done(edited, removeTrick(parseDocument(edited, fileName), 'warmup'));
      expect(parseExperiment(without, fileName).ok).toBe(true);
    }
  });

  test.each(['schedule', 'optimizer', 'loss'])('%s: null takes a value', (section) => {
    const [key, value] = {
      schedule: ['epochs', 9],
      optimizer: ['base_lr', 0.2],
      loss: ['class_weights', 'balanced'],
    }[section] as [string, unknown];
    const text = `${BASE}${section}: null\nseed: 1\n`;
    const edited = done(text, parseDocument(text, 'a.yaml').setIn([section, key], value));
    expect(edited).toBe(`${BASE}${section}:\n  ${key}: ${value}\nseed: 1\n`);
  });
});
