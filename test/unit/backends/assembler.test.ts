import { describe, expect, it } from 'vitest';
import {
  add,
  addIntegers,
  advance,
  advanceBy,
  and,
  type Code,
  greater,
  instantiate,
  load,
  loadBytes,
  loadInteger,
  loadSplat,
  maximum,
  maximumInteger,
  minimumInteger,
  multiply,
  multiplyIntegers,
  notEqual,
  or,
  set,
  shiftRight,
  shiftRightSigned,
  shuffle,
  splat,
  store,
  storeFourBytes,
  subtract,
  subtractIntegers,
  toBytes,
  toFloats,
  toIntegers,
  words,
  zero,
} from '../../../src/backends/wasm/assembler';

describe('assembler', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const floats = new Float32Array(memory.buffer);

  it('computes on vectors of four at constant offsets', () => {
    floats.set([1, 2, 3, 4, 10, 20, 30, 40], 0);
    const { combine } = instantiate(memory, {
      combine: {
        parameters: 2,
        body: (_f, input, output) => [
          ...store(output, 0, add(load(input, 0), load(input, 16))),
          ...store(output, 16, subtract(load(input, 16), load(input, 0))),
          ...store(output, 32, multiply(loadSplat(input, 4), load(input, 16))),
          ...store(output, 48, zero),
        ],
      },
    });
    floats.fill(-1, 100, 116);
    combine(0, 400);
    expect([...floats.slice(100, 116)]).toEqual([11, 22, 33, 44, 9, 18, 27, 36, 20, 40, 60, 80, 0, 0, 0, 0]);
  });

  it('computes on the bits of vectors', () => {
    const words = new Int32Array(memory.buffer);
    words.set([0x7fff_ffff, -5, 0x0ff0, 3], 0);
    const seven = splat(7);
    const compute = (input: number, output: number): Code[] =>
      [
        and(load(input, 0), splat(0xffff_00ff)),
        or(load(input, 0), splat(0x8000_000f)),
        addIntegers(load(input, 0), seven),
        minimumInteger(load(input, 0), seven),
        maximumInteger(load(input, 0), seven),
        shiftRight(load(input, 0), 4),
        notEqual(load(input, 0), load(input, 0)),
      ].map((value, index) => store(output, 16 * index, value));
    const { bits } = instantiate(memory, {
      bits: { parameters: 2, body: (_f, input, output) => compute(input, output).flat() },
    });
    bits(0, 400);
    const rows = Array.from({ length: 7 }, (_, row) => [...words.slice(100 + 4 * row, 104 + 4 * row)]);
    expect(rows).toEqual([
      [0x7fff_00ff, -65285, 0xf0, 3],
      [-1, -1, -2147479553, -2147483633],
      [-2147483642, 2, 0x0ff7, 10],
      [7, -5, 7, 3],
      [0x7fff_ffff, 7, 0x0ff0, 7],
      [0x07ff_ffff, 0x0fff_ffff, 0xff, 0],
      [-1, -1, 0, 0],
    ]);
  });

  it('computes on bytes as integers and floats, and back', () => {
    const bytes = new Uint8Array(memory.buffer);
    bytes.set([0, 1, 128, 255, 7, 8, 9, 10], 0);
    const compute = (input: number, output: number): Code[] => {
      const low = loadBytes(input, 0);
      const times = multiplyIntegers(low, words(1, 2, 3, -3));
      const third = toIntegers(multiply(toFloats(times), splat(0x3eaa_aaab)));
      return [
        store(output, 0, toBytes(low, loadBytes(input, 4), times, subtractIntegers(zero, low))),
        store(output, 16, shiftRightSigned(times, 1)),
        store(output, 32, third),
        store(output, 48, zero),
        storeFourBytes(output, 50, toBytes(low, low, low, low)),
      ];
    };
    const { change } = instantiate(memory, {
      change: { parameters: 2, body: (_f, input, output) => compute(input, output).flat() },
    });
    change(0, 400);
    expect([...bytes.slice(400, 416)]).toEqual([
      ...[0, 1, 128, 255],
      ...[7, 8, 9, 10],
      ...[0, 2, 255, 0],
      ...[0, 0, 0, 0],
    ]);
    const integers = new Int32Array(memory.buffer);
    expect([...integers.slice(104, 108)]).toEqual([0, 1, 192, -383]);
    expect([...integers.slice(108, 112)]).toEqual([0, 0, 128, -255]);
    expect([...bytes.slice(448, 458)]).toEqual([0, 0, 0, 1, 128, 255, 0, 0, 0, 0]);
  });

  it('takes the larger of two floats, keeps a NaN on the left, and compares', () => {
    floats.set([-1, 2, Number.NaN, 0], 0);
    const { compare } = instantiate(memory, {
      compare: {
        parameters: 2,
        body: (_f, input, output) => [
          ...store(output, 0, maximum(load(input, 0), zero)),
          ...store(output, 16, and(greater(load(input, 0), zero), splat(7))),
        ],
      },
    });
    compare(0, 400);
    expect([...floats.slice(100, 104)]).toEqual([0, 2, Number.NaN, 0]);
    expect([...new Int32Array(memory.buffer).slice(104, 108)]).toEqual([0, 7, 0, 0]);
  });

  it('takes words from two vectors', () => {
    floats.set([0, 1, 2, 3, 4, 5, 6, 7], 0);
    const { take } = instantiate(memory, {
      take: {
        parameters: 2,
        body: (_f, input, output) => store(output, 0, shuffle(load(input, 0), load(input, 16), [7, 0, 4, 3])),
      },
    });
    take(0, 400);
    expect([...floats.slice(100, 104)]).toEqual([7, 0, 4, 3]);
  });

  it('follows addresses stored in memory, and advances them by a parameter', () => {
    new Int32Array(memory.buffer).set([800], 2);
    floats.set([1, 2, 3, 4], 202);
    const { follow } = instantiate(memory, {
      follow: {
        parameters: 3,
        body: (f, pointer, bytes, output) => {
          const address = f.address();
          return [
            ...set(address, loadInteger(pointer, 8)),
            ...advanceBy(address, bytes),
            ...store(output, 0, load(address, 0)),
          ];
        },
      },
    });
    follow(0, 8, 400);
    expect([...floats.slice(100, 104)]).toEqual([1, 2, 3, 4]);
  });

  it.each([0, 1, 2, 63, 64, 65, 8191, 8192, 100_000])('repeats %i times', (times) => {
    const { count } = instantiate(memory, {
      count: {
        parameters: 2,
        body: (f, one, total) => f.repeat(times, store(total, 0, add(load(total, 0), load(one, 0)))),
      },
    });
    floats.set([1, 1, 1, 1, 0, 0, 0, 0], 0);
    count(0, 16);
    expect(floats[4]).toBe(times);
  });

  it('repeats as often as a parameter says, and moves addresses back and forth', () => {
    floats.fill(0, 0, 400);
    const { fill } = instantiate(memory, {
      fill: {
        parameters: 3,
        body: (f, one, target, times) =>
          f.repeat(
            { local: times },
            store(target, 8192, load(one, 8192)),
            advance(target, 400),
            advance(target, -384),
          ),
      },
    });
    floats.fill(7, 2048, 2052);
    fill(0, 400, 5);
    expect([...floats.slice(2148, 2172)]).toEqual([...new Array(20).fill(7), 0, 0, 0, 0]);
  });
});
