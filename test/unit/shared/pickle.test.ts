import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  PickleDict,
  PickleError,
  PickleGlobal,
  PickleObject,
  type PickleValue,
  readPickle,
  readPickleAt,
} from '../../../src/shared/pickle/pickle';
import { pickledArray } from '../../../src/shared/pickle/pickleNumpy';
import pickles from '../../fixtures/pickle/pickles.json';

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const read = (base64: string | undefined) => readPickle(bytesOf(base64 ?? ''));

/** Returns dicts as lists of their entries, so that their order is compared. */
function plain(value: PickleValue): unknown {
  if (value instanceof PickleDict) return value.entries.map(([key, part]) => [plain(key), plain(part)]);
  // In protocols before 4, Python 3 writes a set as a call of `set`.
  if (value instanceof PickleObject && value.callee instanceof PickleGlobal && value.callee.name === 'set') {
    return plain(value.args[0] ?? null);
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

const PROTOCOLS = [0, 1, 2, 3, 4, 5];
const EXPECTED: Record<Exclude<keyof typeof pickles.values, 'looped' | 'bytes'>, unknown> = {
  none: null,
  flags: [true, false],
  integers: [0, 255, 256, 65535, 65536, -1, -(2 ** 31), 2 ** 31, 2n ** 53n, -(2n ** 70n)],
  floats: [0.5, -1.25e300, Number.POSITIVE_INFINITY],
  text: "a é 你 😀 \\u0041 'quoted' \n",
  nested: [
    ['list', [1, [2, [3]]]],
    ['tuple', [1, 2, 3, 4]],
    ['set', [7]],
    ['empty', [[], [], []]],
  ],
  ordered: [
    ['b', 1],
    ['a', 2],
  ],
  shared: [['once'], ['once']],
};

describe.each(PROTOCOLS)('a pickle of protocol %i', (protocol) => {
  test.each(Object.entries(EXPECTED))('reads: %s', (name, expected) => {
    const written = pickles.values[name as keyof typeof EXPECTED];
    expect(plain(read(written[protocol]))).toEqual(expected);
  });

  test('holds bytes as they are', () => {
    expect([...(read(pickles.values.bytes[protocol]) as Uint8Array)]).toEqual([...Array(256).keys()]);
  });

  test('preserves shared objects, and loops', () => {
    const [one, other] = read(pickles.values.shared[protocol]) as PickleValue[];
    expect(one).toBe(other);
    const looped = read(pickles.values.looped[protocol]) as PickleValue[];
    expect(looped[0]).toBe(looped);
  });

  test('that would run a command names it, and runs nothing', () => {
    const evil = read(pickles.evil[protocol]) as PickleObject;
    expect(evil.callee).toMatchObject({ module: expect.stringMatching(/^(posix|nt)$/), name: 'system' });
    expect(evil.args).toEqual(['touch evil-was-executed']);
    expect(existsSync('evil-was-executed')).toBe(false);
  });
});

describe("NumPy's arrays", () => {
  test.each([0, 1, 2, 3, 4])('are read from protocol %i', (protocol) => {
    const array = (name: keyof typeof pickles.arrays) => pickledArray(read(pickles.arrays[name][protocol]));
    expect(array('u1')).toMatchObject({ shape: [2, 3], dtype: 'u1', isFortran: false, isBigEndian: false });
    expect([...(array('u1')?.bytes ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(array('f4')).toMatchObject({ shape: [2], dtype: 'f4' });
    expect([...(array('f4')?.bytes ?? [])]).toEqual([0, 0, 0, 0x3f, 0, 0, 0, 0xc0]);
    expect(array('big')).toMatchObject({ shape: [2], dtype: 'i4', isBigEndian: true });
    expect(array('fortran')).toMatchObject({ shape: [2, 3], dtype: 'i8', isFortran: true });
  });

  test("are read from Python 2's pickles, whose strings are bytes", () => {
    const batch = read(pickles.python2) as PickleDict;
    expect(batch.get('labels')).toEqual([6, 9]);
    const data = pickledArray(batch.get('data'));
    expect(data).toMatchObject({ shape: [2, 2], dtype: 'u1' });
    expect([...(data?.bytes ?? [])]).toEqual([1, 2, 254, 255]);
  });

  test('are refused if bytes are missing, or if something else is called', () => {
    const batch = read(pickles.python2) as PickleDict;
    const data = batch.get('data') as PickleObject;
    expect(pickledArray(batch)).toBeNull();
    (data.state as PickleValue[])[4] = new Uint8Array(3);
    expect(pickledArray(data)).toBeNull();
    expect(pickledArray(new PickleObject(new PickleGlobal('os', 'system'), []))).toBeNull();
  });
});

describe('pickles', () => {
  test("of protocol 0 hold Python 2's strings and long integers", () => {
    const dict = read(pickles.python2_text) as PickleDict;
    expect(dict.get("a\0'b\n")).toBe(12);
    expect(dict.get("it's")).toBe(340282366920938463463n);
  });

  test('hold objects of unknown classes as what they would be made of', () => {
    const dict = read(pickles.namespace) as PickleDict;
    const args = dict.get('args') as PickleObject;
    expect((args.state as PickleDict).get('lr')).toBe(0.1);
  });

  test('may follow one another', () => {
    const first = bytesOf(pickles.values.text[2] as string);
    const both = new Uint8Array([...first, ...bytesOf(pickles.values.flags[2] as string)]);
    const { end } = readPickleAt(both, 0);
    expect(end).toBe(first.length);
    expect(readPickleAt(both, end)).toEqual({ value: [true, false], end: both.length });
  });

  const refused = (bytes: Uint8Array | string, maxValues?: number) => {
    const written = typeof bytes === 'string' ? new Uint8Array(Buffer.from(bytes, 'latin1')) : bytes;
    return () => readPickle(written, maxValues);
  };

  test.each([
    ['empty', '', 'ends at byte 0'],
    ['without an end', 'K\x01', 'ends at byte 2'],
    ['with a length that lies', 'X\xff\xff\xff\xffabc.', 'in the middle of a value'],
    ['with a length past 2^63', '\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.', 'in the middle of a value'],
    ['with a negative length', 'T\xff\xff\xff\xff.', 'length -1'],
    ['with an integer of 64 KiB', `\x8b\0\0\x01\0${'\x01'.repeat(65536)}.`, 'an integer has 65536 bytes'],
    ['of a later protocol', '\x80\x63N.', 'protocol 99'],
    ['with an unknown opcode', '\xffN.', 'byte 0 is 0xff'],
    ['with an extension', '\x82\x01.', 'byte 0 is 0x82'],
    ['that pops too much', '0.', 'more values than there are'],
    ['that names what is not there', 'h\x05.', 'value 5'],
    ['that appends to a number', 'K\x01K\x02a.', 'no list'],
    ['with a key without a value', '}(K\x01u.', 'no value'],
    ['whose arguments are no tuple', 'cos\nsystem\nK\x01R.', 'no tuple'],
  ])('%s are refused', (_, text, reason) => {
    expect(refused(text)).toThrow(PickleError);
    expect(refused(text)).toThrow(reason);
  });

  test('of a million nested lists need no recursion', () => {
    const nested = readPickle(new Uint8Array(Buffer.from(`${'('.repeat(1e6)}${'l'.repeat(1e6)}.`)));
    expect(nested).toHaveLength(1);
  });

  test('of more values than allowed are refused', () => {
    expect(refused(`${']'.repeat(1001)}.`, 1000)).toThrow('more than 1000 values');
    expect(refused(`${'('.repeat(1001)}.`, 1000)).toThrow('more than 1000 values');
  });

  test('truncated or changed anywhere are read or refused', () => {
    const all = [...Object.values(pickles.values).flat(), ...pickles.evil, pickles.python2].map(bytesOf);
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
    fc.assert(
      fc.property(fc.constantFrom(...all), change, (bytes, { at, byte, cut }) => {
        const position = at % bytes.length;
        const changed = cut ? bytes.slice(0, position) : bytes.with(position, byte);
        try {
          readPickle(changed);
          if (cut) expect.unreachable('A pickle that is cut short has no end');
        } catch (error) {
          if (!(error instanceof PickleError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
