import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visibleLines, visibleText } from '../../../src/shared/visibleText';

test.each([
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['\u009b31m', '\\u009b31m'],
  ['a\nb\r\tc', 'a\\nb\\r\\tc'],
  ['exe.\u202egnp', 'exe.\\u202egnp'],
  ['\u2066left\u2069 \u200b\ufeff\u007f', '\\u2066left\\u2069 \\u200b\\ufeff\\u007f'],
  ['half \ud800', 'half \\ud800'],
])('shows %j', (text, shown) => {
  expect(visibleText(text)).toBe(shown);
});

test.each(['été', '日本語', 'می\u200cخواهم', '👩\u200d🔬 \\u001b "quoted"'])('leaves %s as it is', (text) => {
  expect(visibleText(text)).toBe(text);
});

test('no text keeps a character that a terminal interprets', () => {
  const anything = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(anything, (text) => {
      expect(visibleText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      expect(visibleLines(text).replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('JSON stays the JSON of the same value', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (value) => {
      expect(JSON.parse(visibleLines(JSON.stringify(value, null, 2)))).toEqual(value);
    }),
  );
});
