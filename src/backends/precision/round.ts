import type { HalfFormat } from './formats';

/** Bit patterns of float32 values. */
const SIGN = 0x8000_0000;
const INFINITY = 0x7f80_0000;
/** 2^-14, the smallest normal half. */
const LEAST_NORMAL_HALF = 0x3880_0000;
/** 65520, the midpoint between the largest half, 65504, and 65536. From this value on, the nearest half is infinity. */
const HALF_OVERFLOW = 0x477f_f000;

/**
 * Rounds a float32 to the nearest half (IEEE 754 binary16: 11-bit significand, subnormals down to 2^-24), ties to even.
 * Values from 65520 on become infinity. Signed zeros, infinities and NaN do not change.
 */
export function roundToHalf(x: number): number {
  return roundArray(Float32Array.of(x), 'float16')[0] as number;
}

/**
 * Rounds a float32 to the nearest bfloat16 (8-bit significand, exponents of float32), ties to even. Values above the
 * largest become infinity. Signed zeros, infinities and NaN do not change.
 */
export function roundToBfloat16(x: number): number {
  return roundArray(Float32Array.of(x), 'bfloat16')[0] as number;
}

/** Rounds each value to the nearest of a format, like `roundToHalf` and `roundToBfloat16`. Returns a new array. */
export function roundArray(values: Float32Array, format: HalfFormat): Float32Array {
  const rounded = values.slice();
  if (format === 'float16') roundHalves(rounded);
  else roundBfloat16s(rounded);
  return rounded;
}

function roundHalves(floats: Float32Array): void {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as number;
    const magnitude = word & ~SIGN;
    if (magnitude > INFINITY) continue;
    if (magnitude >= HALF_OVERFLOW) words[index] = (word & SIGN) | INFINITY;
    else if (magnitude >= LEAST_NORMAL_HALF) words[index] = dropBits(word, 13);
    else {
      // Subnormal halves are 2^-24 apart, like float32 values from 1/2 on.
      floats[index] = Math.fround(Math.abs(floats[index] as number) + 0.5) - 0.5;
      words[index] = (words[index] as number) | (word & SIGN);
    }
  }
}

function roundBfloat16s(floats: Float32Array): void {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as number;
    if ((word & ~SIGN) <= INFINITY) words[index] = dropBits(word, 16);
  }
}

/**
 * Rounds away the low bits of a significand, ties to even. A carry out of the significand correctly raises the
 * exponent.
 */
function dropBits(word: number, bits: number): number {
  const belowHalf = (1 << (bits - 1)) - 1;
  const odd = (word >>> bits) & 1;
  return ((word + belowHalf + odd) >>> bits) << bits;
}
