import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, MAX_MATCHED_LENGTH } from '../../../../src/interop/output/linearPattern';

function compiled(source: string) {
  const result = compilePattern(source);
  if (!result.ok) throw new Error(result.failure.what);
  return result.pattern;
}

/** Returns the named groups that JavaScript's own regular expressions find. */
function expected(source: string, text: string): Map<string, string> | null {
  const match = new RegExp(source).exec(text);
  if (!match) return null;
  const found = Object.entries(match.groups ?? {}).filter((entry) => entry[1] !== undefined);
  return new Map(found.sort(([a], [b]) => a.localeCompare(b)));
}

function found(source: string, text: string): Map<string, string> | null {
  const groups = compiled(source).find(text);
  return groups && new Map([...groups].sort(([a], [b]) => a.localeCompare(b)));
}

describe('a pattern matches as in JavaScript', () => {
  test.each([
    ['loss: (?<loss>[\\d.]+)', 'epoch 3, loss: 0.25, lr 1'],
    ['(?<a>a|ab)(?<b>c|bcd)(?<c>d*)', 'abcd'],
    ['(?<word>\\w+?)\\b', 'one two'],
    ['^\\s*(?<n>-?\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?)$', '  -1.5e-3'],
    ['(?:(?<a>x)|(?<b>y))*', 'xyx'],
    ['[^\\]\\-a-c\\d]+(?<rest>.*)', 'abc]-1zzz\nend'],
    ['(?<x>a{2,3}?)(?<y>a{0,1})(?<z>a{2})', 'aaaaaa'],
    ['\\x41\\u0042\\t(?<e>\\.)\\/', 'AB\t./'],
    ['a{,2}{x(?<g>])}', 'a{,2}{x]}'],
    ['(?<g>[\\d-x]+)', 'a1-x2'],
    ['|(?<never>a)', 'a'],
    ['(?<all>.*)$', 'one\u2028two'],
  ])('%s', (source, text) => {
    expect(found(source, text)).toEqual(expected(source, text));
  });

  test('for random patterns and texts', () => {
    // Repeated parts match at least one character: JavaScript forgets groups of an empty last round of a loop.
    let names = 0;
    const { part } = fc.letrec<{ part: string; atom: string }>((tie) => ({
      atom: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\d', '1', ' '),
        tie('part').map((inner) => `(?:${inner})`),
        tie('part').map((inner) => `(?<NAME>${inner})`),
        fc
          .tuple(tie('atom'), fc.constantFrom('+', '{2}', '{1,2}', '+?', '{1,}', '{1,3}?'))
          .map(([inner, times]) => `(?:${inner})${times}`),
      ),
      part: fc.oneof(
        fc.array(tie('atom'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
        fc.tuple(tie('atom'), tie('atom')).map(([a, b]) => `${a}|${b}`),
        fc
          .tuple(tie('atom'), fc.constantFrom('*', '?', '*?', '??', '{0,2}'), tie('atom'))
          .map(([a, times, b]) => `(?:${a})${times}${b}`),
      ),
    }));
    const source = fc
      .tuple(fc.constantFrom('', '^', '\\b'), part, fc.constantFrom('', '$', '\\b', '\\B'))
      .map((parts) => parts.join('').replace(/NAME/g, () => `g${names++}`));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ', '\n'), maxLength: 12 });
    let matches = 0;
    fc.assert(
      fc.property(source, text, (pattern, line) => {
        const own = expected(pattern, line);
        if (own) matches++;
        expect(found(pattern, line)).toEqual(own);
      }),
      { numRuns: 3000 },
    );
    expect(matches).toBeGreaterThan(500);
  });
});

describe('a pattern is refused, with the place of', () => {
  test.each([
    ['(?=a)', 'Character 1 of the pattern: of groups, only (...), (?:...) and (?<name>...) are supported'],
    ['a(?<!b)', 'Character 2 of the pattern: of groups, only (...), (?:...) and (?<name>...) are supported'],
    ['(a)\\1', 'Character 4 of the pattern: references to groups are not supported'],
    ['(?<a>x)\\k<a>', 'Character 8 of the pattern: references to groups are not supported'],
    ['(?<a>x)(?<a>y)', 'Character 8 of the pattern: there already is a group a'],
    ['ab(c', 'Character 3 of the pattern: this parenthesis has no closing one'],
    ['ab)c', 'Character 3 of the pattern: this parenthesis has no opening one'],
    ['x[a-', 'Character 2 of the pattern: this bracket has no closing one'],
    ['[b-a]', 'Character 3 of the pattern: this range is in the wrong order'],
    ['a{3,2}', 'Character 2 of the pattern: these numbers are in the wrong order'],
    ['*a', 'Character 1 of the pattern: there is nothing to repeat'],
    ['\\p{L}', 'Character 1 of the pattern: this escape is not supported'],
    ['(?:(?:(?:a{1000}){1000}){1000}){1000}', 'The pattern is too large, with all its repetitions.'],
    ['(?:(?:(?:){1000}){1000}){1000}', 'The pattern is too large, with all its repetitions.'],
    ['('.repeat(500), 'Character 101 of the pattern: there are too many nested parentheses'],
  ])('%s', (source, what) => {
    const result = compilePattern(source);
    expect(result.ok ? null : result.failure.what).toBe(what);
  });

  test('nothing, or is compiled, but never fails in another way', () => {
    const unit = fc.constantFrom(...'ab1 .*+?|()[]{}^$\\-,:<>=!xkdwsBu0'.split(''));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 15 }), (source) => {
        const result = compilePattern(source);
        if (!result.ok) return;
        expect(() => new RegExp(source)).not.toThrow();
        result.pattern.find('ab1 x');
      }),
      { numRuns: 3000 },
    );
  });
});

test.each(['^(a+)+$', '^(?:a|a)*$', '(.*)(.*)(.*)(.*)(.*)b$', '(?:a?){50}a{50}b'])(
  'the hostile pattern %s ends, also for a megabyte',
  (source) => {
    const line = `${'a'.repeat(1 << 20)}!`;
    expect(compiled(source).find(line.slice(-100))).toBeNull();
    compiled(source).find(line);
  },
);

test('a match behind the first 8,192 characters is not found', () => {
  const pattern = compiled('(?<a>x)');
  expect(pattern.find(`${' '.repeat(MAX_MATCHED_LENGTH - 1)}x`)).toEqual(new Map([['a', 'x']]));
  expect(pattern.find(`${' '.repeat(MAX_MATCHED_LENGTH)}x`)).toBeNull();
});
