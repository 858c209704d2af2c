import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../../src/experiment/text/document';
import { removeItem } from '../../../src/experiment/text/itemEdits';
import { applyEdits } from '../../../src/experiment/text/textEdits';

/** Returns the text without item `index` of `list`, or why it cannot be removed. */
function without(text: string, index: number, fileName = 'a.yaml'): string {
  const result = removeItem(parseDocument(text, fileName), ['list', index]);
  return result.ok ? applyEdits(text, result.edits) : result.reason;
}

describe('an item that is removed from a list', () => {
  test.each([
    ['list:\n  - a\n  - b # on b\n  - c\n', 1, 'list:\n  - a\n  - c\n'],
    ['list:\n- a\n- b\n', 1, 'list:\n- a\n'],
    ['list:\n  - a\n  - b', 1, 'list:\n  - a\n'],
    ['list:\n  - x: 1\n    y: 2\n  # on b\n  - b\nnext: 1\n', 0, 'list:\n  # on b\n  - b\nnext: 1\n'],
    ['list: [a, b, c] # all\n', 0, 'list: [b, c] # all\n'],
    ['list: [a, b, c]\n', 2, 'list: [a, b]\n'],
    ['list: [a, { x: 1 }]\n', 1, 'list: [a]\n'],
    ['list: [\n  a,\n  b,\n  c\n]\n', 1, 'list: [\n  a,\n  c\n]\n'],
    ['list: [\n  a,\n  b,\n  c\n]\n', 2, 'list: [\n  a,\n  b\n]\n'],
  ])('of %j goes with its line or comma', (text, index, expected) => {
    expect(without(text, index)).toBe(expected);
  });

  test.each([
    ['{\n  "list": [\n    "a",\n    "b" // last\n  ]\n}', 0, '{\n  "list": [\n    "b" // last\n  ]\n}'],
    ['{\n  "list": [\n    "a",\n    "b"\n  ]\n}', 1, '{\n  "list": [\n    "a"\n  ]\n}'],
    ['{"list":["a","b"]}', 1, '{"list":["a"]}'],
    ['{"list":["a","b"]}', 0, '{"list":["b"]}'],
  ])('of the JSON %j leaves JSON', (text, index, expected) => {
    expect(without(text, index, 'a.jsonc')).toBe(expected);
  });

  test('stays if it is the only one, or if there is none', () => {
    expect(without('list: [a]\n', 0)).toBe('The list would be empty.');
    expect(without('list: [a, b]\n', 2)).toBe('The list would be empty.');
  });

  test('stays if others refer to it by an alias', () => {
    expect(without('list:\n  - &one a\n  - *one\n', 0)).toBe(
      'As the file is written now, the edit would change other parts of it.',
    );
  });
});
