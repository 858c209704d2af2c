import { describe, expect, test } from 'vitest';
import { Lines } from '../../../src/experiment/problem';
import { parseDocument } from '../../../src/experiment/text/document';

const YAML =
  'name: a # x\nschedule:\n  epochs: 3\n  decay: { name: step, milestones: [1, 22] }\ntricks:\nseed: 1\n';
const JSON_TEXT = '{\r\n  "name": "a", // x\r\n  "schedule": { "epochs": 3, "milestones": [1, 22] }\r\n}';

function shown(
  text: string,
  fileName: string,
  path: readonly (string | number)[],
  part: 'key' | 'value',
): string {
  const { start, end } = parseDocument(text, fileName).rangeOf(path, part);
  return `${start.line}:${start.character} ${text.slice(start.offset, end.offset)}`;
}

describe('the position of a key or value', () => {
  test.each([
    [['name'], 'key', '0:0 name'],
    [['name'], 'value', '0:6 a'],
    [['schedule'], 'value', '2:2 epochs: 3\n  decay: { name: step, milestones: [1, 22] }'],
    [['schedule', 'decay', 'name'], 'value', '3:17 step'],
    [['schedule', 'decay', 'milestones', 1], 'value', '3:39 22'],
    [['tricks'], 'value', '4:0 tricks'],
    [['schedule', 'decay', 'factor'], 'value', '3:2 decay'],
    [['tricks', 'warmup', 'epochs'], 'key', '4:0 tricks'],
    [['optimizer', 'base_lr'], 'value', '0:0 '],
    [[], 'key', '0:0 '],
  ] as const)('in YAML: %j %s', (path, part, expected) => {
    expect(shown(YAML, 'a.yaml', path, part)).toBe(expected);
  });

  test.each([
    [['name'], 'key', '1:2 "name"'],
    [['name'], 'value', '1:10 "a"'],
    [['schedule'], 'value', '2:14 { "epochs": 3, "milestones": [1, 22] }'],
    [['schedule', 'milestones', 1], 'value', '2:47 22'],
    [['schedule', 'decay'], 'value', '2:2 "schedule"'],
  ] as const)('in JSON: %j %s', (path, part, expected) => {
    expect(shown(JSON_TEXT, 'a.jsonc', path, part)).toBe(expected);
  });
});

test('lines end with LF, CRLF or CR; a position outside the text is moved into it', () => {
  const lines = new Lines('a\nbc\r\nd\re');
  expect([0, 2, 6, 8, 99, -1].map((offset) => lines.position(offset))).toEqual([
    { offset: 0, line: 0, character: 0 },
    { offset: 2, line: 1, character: 0 },
    { offset: 6, line: 2, character: 0 },
    { offset: 8, line: 3, character: 0 },
    { offset: 9, line: 3, character: 1 },
    { offset: 0, line: 0, character: 0 },
  ]);
});
