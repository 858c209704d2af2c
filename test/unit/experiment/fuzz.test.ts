import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { insertTrick, removeTrick } from '../../../src/experiment/edits';
import { parseExperiment } from '../../../src/experiment/parse';
import type { Problem } from '../../../src/experiment/problem';
import { experimentFile } from './documents';

const NAMES = ['a.yaml', 'a.json'];

function check(text: string, fileName: string): void {
  const result = parseExperiment(text, fileName);
  if (!result.ok) {
    expect(result.problems.length).toBeGreaterThan(0);
    for (const problem of result.problems) expectInside(text, problem);
  }
  for (const edit of [
    insertTrick(result.document, 'warmup', true),
    removeTrick(result.document, 'zero_gamma'),
  ]) {
    if (!edit.ok) expect(edit.reason).not.toBe('');
  }
}

function expectInside(text: string, { range: { start, end }, what, remedy }: Problem): void {
  expect(what).not.toBe('');
  expect(remedy).not.toBe('');
  expect(start.offset).toBeGreaterThanOrEqual(0);
  expect(end.offset).toBeGreaterThanOrEqual(start.offset);
  expect(end.offset).toBeLessThanOrEqual(text.length);
  const lines = text.split(/\r\n|\r|\n/);
  for (const { line, character } of [start, end]) {
    expect(lines[line]).toBeDefined();
    // Between the two characters of a line break, the position is one past the line's text.
    expect(character).toBeLessThanOrEqual(lines[line]!.length + 1);
  }
}

const PIECES = [
  ...['name', 'data', 'model', 'tricks', 'warmup', 'schedule', 'epochs', 'dataset', 'synthetic', 'resnet50'],
  ...[': ', ':', ', ', '{', '}', '[', ']', '\n', '\r\n', '  ', '\t', '- ', '? ', '#', ' # ', '"', "'", '\\'],
  ...[
    '&a ',
    '*a',
    '<<',
    '!x ',
    '!!set ',
    '|',
    '>-\n',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '//',
    '/*',
    '*/',
    '@',
    '`',
  ],
  ...[
    '0',
    '-1',
    '1e999',
    '.nan',
    'null',
    '~',
    'true',
    '__proto__',
    'constructor',
    'toString',
    '\u0000',
    '\uFEFF',
    '\uD800',
  ],
];

describe('whatever the text, there is an experiment or there are problems inside it', () => {
  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.constantFrom(...NAMES), check), {
      numRuns: 500,
    });
  });

  test('pieces of experiments in any order', () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(fc.property(text, fc.constantFrom(...NAMES), check), { numRuns: 3000 });
  });

  test('experiments with a part cut out or put in', () => {
    fc.assert(
      fc.property(
        experimentFile,
        fc.nat(),
        fc.nat(20),
        fc.constantFrom('', ...PIECES),
        (file, at, length, piece) => {
          const start = at % (file.text.length + 1);
          check(file.text.slice(0, start) + piece + file.text.slice(start + length), file.fileName);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('any plain data', () => {
    const keys = fc.constantFrom(
      'name',
      'data',
      'dataset',
      'model',
      'tricks',
      'warmup',
      'epochs',
      'decay',
      '__proto__',
    );
    const data = fc.object({
      key: keys,
      maxDepth: 3,
      values: [fc.string(), fc.double(), fc.boolean(), fc.constant(null)],
    });
    fc.assert(
      fc.property(data, (value) => check(JSON.stringify(value), 'a.json')),
      { numRuns: 500 },
    );
  });

  test('any numbers in place of numbers', () => {
    const number = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom(0, 1, 1e9, 1e15, 9007199254740991, 1e300),
    );
    const part = (...keys: string[]) =>
      fc.record(Object.fromEntries(keys.map((key) => [key, number])), { requiredKeys: [] });
    fc.assert(
      fc.property(
        part('train_images', 'height', 'width', 'channels', 'classes', 'batch_size', 'seed'),
        fc.constantFrom('resnet8', 'resnet50'),
        part('width'),
        part('base_lr', 'momentum', 'weight_decay'),
        part('epochs'),
        part('epochs', 'count_from'),
        (data, name, model, optimizer, schedule, warmup) => {
          const experiment = {
            name: 'a',
            data: { dataset: 'synthetic', ...data },
            model: { name, ...model },
          };
          const text = JSON.stringify({ ...experiment, optimizer, schedule, tricks: { warmup } });
          check(text, 'a.json');
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{"a":'.repeat(100_000)],
    ['closed brackets', '['.repeat(5000) + ']'.repeat(5000)],
    ['block lists', '- '.repeat(20_000)],
    ['question marks', '? '.repeat(20_000)],
    ['anchors', '&a '.repeat(20_000)],
    ['indentation', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
    ['a long line', `name: ${'x'.repeat(500_000)}`],
    ['too long a text', '#'.repeat(2_000_000)],
  ])('%s without end', (_, text) => {
    for (const name of NAMES) check(text, name);
  });
});
