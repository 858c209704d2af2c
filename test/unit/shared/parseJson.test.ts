import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../../src/shared/parseJson';

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test('reads what JSON.parse reads, brackets in strings too', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
  const text = JSON.stringify({ a: `${'["\\'.repeat(500)}`, b: '\\', c: [[1], [2]] });
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test('refuses nesting deeper than 100 values before parsing', () => {
  expect(parseJson(nested(100))).toBeInstanceOf(Array);
  for (const text of [nested(101), nested(500_000), '['.repeat(500_000), '{"a":'.repeat(300_000)]) {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});

test('refuses invalid JSON', () => {
  for (const text of ['', '"', '{"a', ']]]', '"\\']) expect(() => parseJson(text)).toThrow(SyntaxError);
});
