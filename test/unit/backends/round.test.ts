import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../src/backends/index';
import type { HalfFormat } from '../../../src/backends/precision/formats';
import { roundArray, roundToBfloat16, roundToHalf } from '../../../src/backends/precision/round';
import { ROUNDING_KERNEL, roundByOperations, roundTensor } from '../../../src/backends/precision/roundTensor';
import type { EngineName } from '../../../src/recipe/engineNames';
import { PRESENT_ENGINES } from '../support/presentEngines';

/** Significand and exponents of a format, by definition. */
interface Definition {
  readonly fractionBits: number;
  /** The exponent of the smallest normal number. */
  readonly leastExponent: number;
  readonly exponentBits: number;
}

const DEFINITIONS: Readonly<Record<HalfFormat, Definition>> = {
  float16: { fractionBits: 10, leastExponent: -14, exponentBits: 5 },
  bfloat16: { fractionBits: 7, leastExponent: -126, exponentBits: 8 },
};
const FORMATS = Object.keys(DEFINITIONS) as HalfFormat[];

type Rounding = (values: Float32Array, format: HalfFormat) => Promise<Float32Array>;

/** Every way to round a tensor, and the rounding of plain arrays. */
const roundings: [string, Rounding][] = [
  ['arrays', async (values, format) => roundArray(values, format)],
  ...PRESENT_ENGINES.map((engine): [string, Rounding] => [
    `tensors by the kernel of ${engine}`,
    onEngine(engine, roundTensor),
  ]),
  // The ones that follow float32 arithmetic, subnormals included.
  ...(['wasm', 'cpu'] as const).map((engine): [string, Rounding] => [
    `tensors by operations on ${engine}`,
    onEngine(engine, roundByOperations),
  ]),
];

describe.each(roundings)('rounding of %s', (_name, round) => {
  describe.each(FORMATS)('to %s', (format) => {
    const magnitudes = finiteMagnitudes(format);

    it('returns every number of the format, both infinities and both zeros', async () => {
      const numbers = [...magnitudes, Number.POSITIVE_INFINITY];
      await expectBits(round, format, both(numbers), both(numbers));
    });

    it('returns a NaN for each of its bit patterns', async () => {
      const patterns = Uint32Array.from({ length: 0x8000 }, (_, index) => 0x7f80_0001 + index * 251);
      const words = Uint32Array.from([...patterns, 0x7fff_ffff, 0xff80_0001, 0xffff_ffff, 0x7fc0_0000]);
      const rounded = await round(new Float32Array(words.buffer), format);
      expect(rounded).toHaveLength(words.length);
      expect(rounded.every(Number.isNaN)).toBe(true);
    });

    it('rounds every midpoint to the neighbor with even bits, and float32 values next to it to the nearer one', async () => {
      const values: number[] = [];
      const expected: number[] = [];
      // The number after the largest would be a power of two, which is infinity.
      const neighbors = [...magnitudes, 2 * powerOfTwoBelow(magnitudes.at(-1) as number)];
      const infinite = (index: number) =>
        (index === magnitudes.length ? Number.POSITIVE_INFINITY : magnitudes[index]) as number;
      for (let index = 0; index < magnitudes.length; index++) {
        const midpoint = ((neighbors[index] as number) + (neighbors[index + 1] as number)) / 2;
        values.push(moved(midpoint, -1), midpoint, moved(midpoint, 1));
        expected.push(infinite(index), infinite(index + (index % 2)), infinite(index + 1));
      }
      expect(values.every((value) => Math.fround(value) === value)).toBe(true);
      await expectBits(round, format, both(values), both(expected));
    });

    it('rounds any float32 to the nearest number', async () => {
      const words = fc.sample(fc.integer({ min: 0, max: 0x7f80_0000 }), { numRuns: 20_000, seed: 1 });
      // Uniform over all bit patterns, then over the exponents that half formats have.
      words.push(...words.slice(0, 10_000).map((word) => 0x3280_0000 + (word % 0x1500_0000)));
      const values = new Float32Array(Uint32Array.from(words).buffer);
      const expected = Array.from(values, (value) => nearest(magnitudes, value));
      await expectBits(round, format, both([...values]), both(expected));
    });

    it('rounds any number of values, including none', async () => {
      for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 1023]) {
        const values = Array.from({ length: count }, (_, index) => 1 + index / 700);
        await expectBits(
          round,
          format,
          values,
          values.map((value) => nearest(magnitudes, Math.fround(value))),
        );
      }
    });
  });

  it('overflows to infinity from 65520 on, and not just before', async () => {
    const values = [65504, 65519.996, 65520, 65536, 1e6, 3.4e38];
    const infinity = Number.POSITIVE_INFINITY;
    await expectBits(
      round,
      'float16',
      both(values),
      both([65504, 65504, infinity, infinity, infinity, infinity]),
    );
  });

  it('keeps halves down to 2^-24, and rounds half of that to zero', async () => {
    const values = [2 ** -24, 2 ** -25, 2 ** -25 * (1 + 2 ** -23), 3 * 2 ** -25, 2 ** -149];
    await expectBits(round, 'float16', both(values), both([2 ** -24, 0, 2 ** -24, 2 ** -23, 0]));
  });
});

/** Values and the bits of their float16, as CPython 3.11 packs them: `struct.pack('<e', value)`. */
const PACKED_HALVES: readonly (readonly [value: number, bits: number])[] = [
  [1.9726645206219473e-8, 0x0000],
  [4.156898114615615e-8, 0x0001],
  [6.39221866549633e-8, 0x0001],
  [1.6280280590308394e-7, 0x0003],
  [4.5530893544309947e-7, 0x0008],
  [-4.947164597979281e-7, 0x8008],
  [1.3524743280868279e-6, 0x0017],
  [-2.08036999538308e-6, 0x8023],
  [4.040186013298808e-6, 0x0044],
  [1.485786197008565e-5, 0x00f9],
  [-2.406468047411181e-5, 0x8194],
  [3.2030922739068046e-5, 0x0219],
  [6.387833855114877e-5, 0x0430],
  [0.00015742301184218377, 0x0929],
  [-0.0003761440166272223, 0x8e2a],
  [0.0007618443924002349, 0x123e],
  [0.0010772028472274542, 0x146a],
  [0.0026804639492183924, 0x197d],
  [0.006110813468694687, 0x1e42],
  [-0.01169073861092329, 0xa1fc],
  [-0.02776920050382614, 0xa71c],
  [-0.049548808485269547, 0xaa58],
  [0.08509889990091324, 0x2d72],
  [0.224297434091568, 0x332d],
  [-0.270463764667511, 0xb454],
  [-0.7625982761383057, 0xba1a],
  [-1.7294453382492065, 0xbeeb],
  [3.2179179191589355, 0x4270],
  [-4.472263336181641, 0xc479],
  [-9.319696426391602, 0xc8a9],
  [-18.431753158569336, 0xcc9c],
  [45.494346618652344, 0x51b0],
  [-112.93253326416016, 0xd70f],
  [-171.53565979003906, 0xd95c],
  [-408.15869140625, 0xde61],
  [547.2066040039062, 0x6046],
  [-1991.3533935546875, 0xe7c7],
  [3475.542236328125, 0x6aca],
  [-4344.501953125, 0xec3e],
  [-13493.279296875, 0xf297],
  [-21046.8125, 0xf523],
  [61834.53515625, 0x7b8c],
  [0.10000000149011612, 0x2e66],
  [0.3333333432674408, 0x3555],
  [3.141590118408203, 0x4248],
  [2049.0, 0x6800],
  [2051.0, 0x6802],
  [65504.0, 0x7bff],
  [65519.0, 0x7bff],
];

it('agrees with CPython on halves', () => {
  const view = new DataView(new ArrayBuffer(4));
  for (const [value, bits] of PACKED_HALVES) {
    view.setFloat32(0, value);
    const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
    const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    expect(roundToHalf(view.getFloat32(0)), String(value)).toBe(sign === 1 ? -magnitude : magnitude);
  }
});

it('rounds single numbers', () => {
  expect([1 / 3, 2049, 2051, -0].map(roundToHalf)).toEqual([0.333251953125, 2048, 2052, -0]);
  expect([1 / 3, 257, 259, -0].map(roundToBfloat16)).toEqual([0.333984375, 256, 260, -0]);
});

it.each(PRESENT_ENGINES)('%s has a rounding kernel, which leaks nothing', async (engine) => {
  await loadEngine(engine);
  expect(tf.getKernel(ROUNDING_KERNEL, engine)).toBeDefined();
  const x = tf.ones<tf.Rank.R2>([3, 5]);
  const before = tf.memory().numTensors;
  for (const round of [roundTensor, roundByOperations]) {
    const rounded: tf.Tensor2D = round(x, 'float16');
    expect(rounded.shape).toEqual([3, 5]);
    rounded.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }
  x.dispose();
});

function onEngine(engine: EngineName, round: typeof roundTensor): Rounding {
  return async (values, format) => {
    if (tf.getBackend() !== engine) await loadEngine(engine);
    const rounded = tf.tidy(() => round(tf.tensor1d(values.slice()), format));
    const read = await rounded.data<'float32'>();
    rounded.dispose();
    return read.slice();
  };
}

/** Returns every finite non-negative number of a format, by its bits and therefore in order. */
function finiteMagnitudes(format: HalfFormat): number[] {
  const { fractionBits, leastExponent, exponentBits } = DEFINITIONS[format];
  const fractions = 2 ** fractionBits;
  const magnitudes: number[] = [];
  for (let exponent = 0; exponent < 2 ** exponentBits - 1; exponent++) {
    for (let fraction = 0; fraction < fractions; fraction++) {
      const significand = fraction / fractions + (exponent === 0 ? 0 : 1);
      magnitudes.push(significand * 2 ** (leastExponent + Math.max(exponent - 1, 0)));
    }
  }
  return magnitudes;
}

/** Finds by search the number of a format nearest to a non-negative float32. Ties go to even bits. */
function nearest(magnitudes: readonly number[], value: number): number {
  const largest = magnitudes.at(-1) as number;
  const beyond = 2 * powerOfTwoBelow(largest);
  if (value >= beyond) return Number.POSITIVE_INFINITY;
  let [below, above] = [0, magnitudes.length];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if ((magnitudes[middle] as number) <= value) below = middle;
    else above = middle;
  }
  const [left, right] = [value - (magnitudes[below] as number), (magnitudes[above] ?? beyond) - value];
  const index = left < right || (left === right && below % 2 === 0) ? below : above;
  return magnitudes[index] ?? Number.POSITIVE_INFINITY;
}

function powerOfTwoBelow(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}

/** Returns the float32 that is `steps` steps after a positive one. */
function moved(value: number, steps: number): number {
  const words = new Uint32Array(Float32Array.of(value).buffer);
  words[0] = (words[0] as number) + steps;
  return new Float32Array(words.buffer)[0] as number;
}

function both(magnitudes: readonly number[]): number[] {
  return [...magnitudes, ...magnitudes.map((value) => -value)];
}

/** Expects equal numbers, including the signs of zeros, and an unchanged input. */
async function expectBits(
  round: Rounding,
  format: HalfFormat,
  values: readonly number[],
  expected: readonly number[],
): Promise<void> {
  const input = Float32Array.from(values);
  const rounded = await round(input, format);
  expect(input.every((value, index) => Object.is(value, Math.fround(values[index] as number)))).toBe(true);
  expect(rounded).toHaveLength(expected.length);
  const wrong = rounded.findIndex((value, index) => !Object.is(value, expected[index]));
  if (wrong !== -1) expect.fail(`${values[wrong]} became ${rounded[wrong]}, not ${expected[wrong]}`);
}
