import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvText } from '../../../src/shared/csv';

test('cells are quoted where they must be, and null is an empty cell', () => {
  expect(
    csvText([
      ['a', 'b,c', 'd"e'],
      ['f\ng', null, 0.5],
    ]),
  ).toBe('a,"b,c","d""e"\n"f\ng",,0.5\n');
});

test('a CSV reader returns the cells', () => {
  const rows = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string(), fc.constant('x')), {
    minLength: 1,
  });
  fc.assert(
    fc.property(rows, (cells) => {
      expect(parse(csvText(cells))).toEqual(cells);
    }),
  );
});
