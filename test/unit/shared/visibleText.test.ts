import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeSpan, markdownText, withoutIcons } from '../../../src/shared/markdown';
import { visibleLines, visibleText } from '../../../src/shared/visibleText';

const OBEYED = /[\p{Cc}\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const anything = fc.string({ unit: 'binary' });

describe('a text from anywhere, for a terminal', () => {
  test.each([
    ['a title is set', '\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
    ['the clipboard is written', '\u009d52;c;ZXZpbA==\u009c', '\\u009d52;c;ZXZpbA==\\u009c'],
    ['a line is added', 'a\nerror: b\r', 'a\\nerror: b\\r'],
    ['letters run the other way', 'a\u202etxt.exe', 'a\\u202etxt.exe'],
    ['nothing is done', 'Prüfung 猫 \u{1f408}', 'Prüfung 猫 \u{1f408}'],
  ])('shows how %s', (_, text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  test('has nothing that a terminal obeys, or its lines and tabs alone', () => {
    fc.assert(
      fc.property(anything, (text) => {
        expect(visibleText(text)).not.toMatch(OBEYED);
        expect(visibleLines(text).replace(/[\n\t]/g, '')).not.toMatch(OBEYED);
      }),
    );
  });

  test('is the same JSON, where it is JSON', () => {
    fc.assert(
      fc.property(fc.array(anything), (value) => {
        expect(JSON.parse(visibleLines(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('a text from anywhere, in Markdown', () => {
  test('is a code span to its end, whatever backticks it has', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('`', ' ', 'a', '[', ']', '(', '\n') }), (text) => {
        const span = codeSpan(text);
        fc.pre(text !== '');
        const [, fence = '', inside = ''] = /^(`+)([\s\S]*?)\1$/.exec(span) ?? [];
        expect(inside.split(/[^`]+/)).not.toContain(fence);
        expect(inside).not.toContain('\n');
        expect(/^`|`$/.test(inside)).toBe(false);
      }),
    );
  });

  test.each([
    ['a command', '`[run](command:evil)`'],
    ['an image', '![](https://a.example/x.png)'],
    ['an element', '<img src=x>'],
    ['an icon', '$(trash) www.a.example'],
    ['a cell', 'a | b\nc'],
  ])('makes no %s of it', (_, text) => {
    const shown = markdownText(text);
    expect(shown.replace(/\\[\\`*[\]<>|~&!$:.]/g, '')).not.toMatch(/[`[\]<>|!]|\$\(|:\/\/|www\.|\n/);
  });

  test('makes no icon of it in a title', () => {
    expect(withoutIcons('a $(trash) b')).toBe('a \\$(trash) b');
  });
});
