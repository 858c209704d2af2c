import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesField,
  bytesOf,
  floatField,
  integerField,
  message,
  messageField,
  textField,
} from '../../../src/interop/export/protobuf';
import { fieldsOf } from './onnxReader';

describe('messages of Protocol Buffers', () => {
  test("match the encoding's own examples", () => {
    // https://protobuf.dev/programming-guides/encoding/: `a: 150`, `b: "testing"`, `c: { a: 150 }`.
    const a = integerField(1, 150);
    expect(Buffer.from(bytesOf(message(a))).toString('hex')).toBe('089601');
    expect(Buffer.from(bytesOf(message(textField(2, 'testing')))).toString('hex')).toBe('120774657374696e67');
    expect(Buffer.from(bytesOf(message(messageField(3, a)))).toString('hex')).toBe('1a03089601');
  });

  test('are read as written', () => {
    const numbers = fc.integer({ min: 1, max: 2 ** 29 - 1 });
    fc.assert(
      fc.property(numbers, fc.maxSafeNat(), fc.float(), fc.uint8Array(), (number, integer, float, bytes) => {
        const inner = message(integerField(number, integer), bytesField(number, bytes));
        const outer = message(messageField(number, inner), floatField(number, float));
        const [first, second] = fieldsOf(Buffer.from(bytesOf(outer))).get(number) ?? [];
        expect(second).toBe(float);
        expect(fieldsOf(first as Buffer).get(number)).toEqual([integer, Buffer.from(bytes)]);
      }),
    );
  });

  test.each([-1, 0.5, 2 ** 53, Number.NaN])('hold no integer %s', (value) => {
    expect(() => integerField(1, value)).toThrow('cannot be written as a varint');
  });
});
