import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { murmur3 } from '../../../src/datasets/murmur3';
import { groupPattern, isGroupPattern, isValidation } from '../../../src/datasets/split';
import { UserError } from '../../../src/shared/userError';

const keys = (count: number) => Array.from({ length: count }, (_, i) => `class ${i % 10}/image ${i}.jpg`);

describe('the hash', () => {
  // Known values of MurmurHash3_x86_32. The last one is from scikit-learn's `murmurhash3_32`.
  test.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['test', 0, 0xba6bd213],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['katze/é.jpg', 7, 0x0d2085e0],
  ])('of %j with seed %i', (text, seed, expected) => {
    expect(murmur3(text, seed)).toBe(expected);
  });
});

describe('validation images', () => {
  test('have the requested share', () => {
    for (const [validation, seed] of [
      [0.1, 0],
      [0.1, 1],
      [0.5, 0],
      [0.02, 3],
    ] as const) {
      const share = keys(20_000).filter((key) => isValidation(key, { validation, seed })).length / 20_000;
      // Five standard deviations of a binomial.
      const deviation = Math.sqrt((validation * (1 - validation)) / 20_000);
      expect(Math.abs(share - validation)).toBeLessThan(5 * deviation);
    }
  });

  test('depend on the seed: two seeds agree on a share of the share', () => {
    const both = keys(20_000).filter((key) =>
      [0, 1].every((seed) => isValidation(key, { validation: 0.5, seed })),
    );
    expect(Math.abs(both.length / 20_000 - 0.25)).toBeLessThan(0.02);
  });

  test('stay where they are when other images come or go', () => {
    const options = fc.record({
      validation: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      seed: fc.nat(),
      before: fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 12 })),
      added: fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 12 })),
    });
    fc.assert(
      fc.property(options, ({ before, added, ...split }) => {
        const sides = (names: readonly string[]) =>
          new Map(names.map((name) => [name, isValidation(name, split)]));
        const after = sides([...added, ...before]);
        for (const [name, side] of sides(before)) expect(after.get(name)).toBe(side);
      }),
    );
  });

  test('stay in validation when the share grows', () => {
    const key = fc.string({ unit: 'grapheme' });
    const share = fc.double({ min: 0.001, max: 0.998, noNaN: true });
    fc.assert(
      fc.property(key, fc.nat(), share, share, (name, seed, a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        if (isValidation(name, { validation: small, seed }))
          expect(isValidation(name, { validation: large, seed })).toBe(true);
      }),
    );
  });

  test('do not depend on the Unicode composition of a name', () => {
    for (let seed = 0; seed < 50; seed++)
      expect(isValidation('caf\u00e9/1.jpg', { validation: 0.5, seed })).toBe(
        isValidation('cafe\u0301/1.jpg', { validation: 0.5, seed }),
      );
  });
});

describe('a pattern of groups', () => {
  test.each([
    ['{patient}_*', 'train/sick/p01_003.jpg', 'p01'],
    ['{patient}_*', 'p01_left_003.jpg', 'p01'],
    ['{patient}_*', 'sick/x.jpg', null],
    ['*/{burst}-*.jpg', 'train/cat/b7-2.jpg', 'b7'],
    ['*/{burst}-*.jpg', 'b7-2.jpg', null],
    ['*/{burst}-*.jpg', 'train/cat/b7-2.png', null],
    ['{session}/*', 'cat/s3/1.jpg', 's3'],
    ['{session}/*/*', 'cat/s3/1.jpg', 'cat'],
    ['{a}_{b}_*', 'x/1_2_3.jpg', '1/2'],
    ['img{n}*', 'cat/img0042.jpg', '0'],
    ['img{n}.jpg', 'cat/img0042.jpg', '0042'],
    ['{who} (*).jpg', 'cat/anna (3).jpg', 'anna'],
    ['a.{b}+c*', 'a.x+c.jpg', 'x'],
    ['a.{b}+c*', 'aaxcc.jpg', null],
    ['{patient}_*', '_1.jpg', null],
    ['{ä}_*', 'a\u0308b_1.jpg', '\u00e4b'],
  ])('%s of %s', (pattern, path, group) => {
    expect(groupPattern(pattern)(path)).toBe(group);
  });

  test.each(['patient', '*_*', '{}_*', '{a', 'a}{b}', '{a}/**', '{a{b}}', '{a/b}'])(
    'refuses %s',
    (pattern) => {
      expect(() => groupPattern(pattern)).toThrow(UserError);
    },
  );

  test('matches like a regular expression, with the same match of several', () => {
    const piece = fc.constantFrom('{a}', '*', 'x', '-', '/', '.');
    const word = fc
      .array(fc.constantFrom('x', '-', '/', '.', 'y'), { maxLength: 8 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), word, (pieces, path) => {
        const pattern = pieces.join('');
        fc.pre(pattern.includes('{a}') && !pattern.includes('**'));
        const source = pattern
          .replace(/[.-]/g, '\\$&')
          .replaceAll('*', '[^/]*')
          .replaceAll('{a}', '([^/]+?)');
        const expected = new RegExp(`(?:^|/)${source}$`).exec(path);
        expect(groupPattern(pattern)(path)).toBe(expected?.slice(1).join('/') ?? null);
      }),
      { numRuns: 2000 },
    );
  });

  test('takes no longer for many stars, unlike a regular expression', () => {
    const group = groupPattern(`${'*x'.repeat(80)}{a}!`);
    expect(group('x'.repeat(4000))).toBe(null);
    expect(group(`${'x'.repeat(4000)}y!`)).toBe('y');
    expect(() => groupPattern('*x'.repeat(1000))).toThrow(UserError);
  });

  test('takes a text without special characters literally', () => {
    const literal = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !/[{}*/]/.test(text));
    const group = fc.stringMatching(/^[a-z]+$/);
    fc.assert(
      fc.property(literal, group, (before, name) => {
        const path = `folder/${before}${name}.jpg`.normalize('NFC');
        expect(groupPattern(`${before}{name}.jpg`)(path)).toBe(name);
      }),
    );
  });

  test('is distinguished from a column by its special characters', () => {
    expect(isGroupPattern('{patient}_*')).toBe(true);
    expect(isGroupPattern('patient id')).toBe(false);
  });
});
