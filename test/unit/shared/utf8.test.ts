import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readUtf8 } from '../../../src/shared/utf8';

const bytes = (...parts: (string | number)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));

test('any text is read as written, including a byte order mark', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      fc.pre(!text.includes('\0'));
      expect(readUtf8(Buffer.from(text))).toEqual({ ok: true, text });
      expect(readUtf8(bytes(0xef, 0xbb, 0xbf, text))).toEqual({ ok: true, text: `\uFEFF${text}` });
    }),
  );
});

test('UTF-16 is recognized by its mark or its zeros', () => {
  const little = Buffer.from('name: a\n', 'utf16le');
  const big = Buffer.from(little).swap16();
  for (const found of [bytes(0xff, 0xfe), Buffer.concat([bytes(0xff, 0xfe), little]), little, big]) {
    expect(readUtf8(found)).toEqual({ ok: false, why: 'utf16' });
  }
  expect(readUtf8(Buffer.concat([bytes(0xfe, 0xff), big]))).toEqual({ ok: false, why: 'utf16' });
});

test('a byte of another encoding is named with its line', () => {
  expect(readUtf8(bytes('name: Größe\nnote: Gr', 0xf6, 0xdf, 'e\n'))).toEqual({
    ok: false,
    why: 'byte',
    byte: 0xf6,
    line: 2,
  });
  expect(readUtf8(bytes('a', 0x80))).toEqual({ ok: false, why: 'byte', byte: 0x80, line: 1 });
  expect(readUtf8(bytes('é\n\n', 0xc3))).toEqual({ ok: false, why: 'byte', byte: 0xc3, line: 3 });
});
