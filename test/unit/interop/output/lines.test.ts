import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter, MAX_LINE_BYTES } from '../../../../src/interop/output/lines';
import { chunked } from './chunks';

const bytes = (text: string) => new TextEncoder().encode(text);

function linesOf(...chunks: readonly Uint8Array[]): string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

describe('a line', () => {
  test.each([
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb', ['a', 'b']],
    ['10%\r20%\rdone\n', ['10%', '20%', 'done']],
    ['a\n\nb\r\n\r\n', ['a', '', 'b', '']],
    ['', []],
    ['\n', ['']],
  ])('of %j ends at a line feed, a carriage return, or both', (text, lines) => {
    expect(linesOf(bytes(text))).toEqual(lines);
  });

  test.each([
    ['\x1b[1;32mgreen\x1b[0m', 'green'],
    ['\x1b[2K\x1b[1Gloss: 1', 'loss: 1'],
    ['\x1b]0;a title\x07loss: 2', 'loss: 2'],
    ['\x1b]8;;https://example.org\x1b\\a link\x1b]8;;\x1b\\', 'a link'],
    ['\x1b(Bplain\x1b', 'plain'],
    ['\x1b]0;no end, loss: 3', '0;no end, loss: 3'],
  ])('%j has no escape sequences', (text, line) => {
    expect(linesOf(bytes(text))).toEqual([line]);
  });

  test('is given before the stream ends, but not before the line does', () => {
    const splitter = new LineSplitter();
    expect(splitter.push(bytes('one\ntw'))).toEqual(['one']);
    expect(splitter.push(bytes('o'))).toEqual([]);
    expect(splitter.push(bytes('\r'))).toEqual(['two']);
    expect(splitter.push(bytes('\n'))).toEqual([]);
    expect(splitter.end()).toEqual([]);
  });

  test('does not change when the caller reuses its buffer', () => {
    const buffer = bytes('abc');
    const splitter = new LineSplitter();
    splitter.push(buffer);
    buffer.fill(0x7a);
    expect(splitter.end()).toEqual(['abc']);
  });

  test('is the same for any chunks of the stream, also within a character, an escape sequence or a line break', () => {
    const part = fc.constantFrom(
      '\n',
      '\r',
      '\r\n',
      'é',
      '漢字',
      '👩‍🔬',
      '\x1b[31m',
      '\x1b]0;t\x07',
      'loss: 1',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), fc.infiniteStream(fc.nat(5)), (parts, sizes) => {
        const whole = bytes(parts.join(''));
        expect(linesOf(...chunked(whole, sizes))).toEqual(linesOf(whole));
      }),
    );
  });

  test('of more than 1 MiB is cut, and the next line is whole', () => {
    const long = bytes(`${'x'.repeat(MAX_LINE_BYTES + 5)}\nnext\n`);
    const [cut, next] = linesOf(long.subarray(0, 10), long.subarray(10));
    expect(cut).toHaveLength(MAX_LINE_BYTES);
    expect(next).toBe('next');
    expect(linesOf(long)).toEqual([cut, next]);
  });

  test('of invalid bytes is text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.infiniteStream(fc.nat(7)), (garbage, sizes) => {
        expect(linesOf(...chunked(garbage, sizes))).toEqual(linesOf(garbage));
      }),
    );
  });
});

test('a megabyte that never ends a line is kept once, however small its chunks are', () => {
  const splitter = new LineSplitter();
  const chunk = bytes('0123456789abcdef');
  for (let count = 0; count < (2 * MAX_LINE_BYTES) / chunk.length; count++) splitter.push(chunk);
  expect(splitter.end()[0]).toHaveLength(MAX_LINE_BYTES);
});
