/** The built-in samplers: points of the unit cube, each determined by its index alone. */
import { uniformAt } from './random';

/** Prefixes for draws, so that no draw is used for two purposes. */
const RANDOM = 0;
const SCRAMBLE = 1;

/** Digits below this weight do not change a double in [0, 1). */
const SMALLEST = 2 ** -53;

/** Returns the point with this index (from 0): uniform and independent of all others. */
export function randomPoint(seed: number, index: number, dimensions: number): number[] {
  return Array.from({ length: dimensions }, (_, dimension) => uniformAt(RANDOM, seed, dimension, index));
}

/**
 * Returns the point with this index (from 0) of a randomized Halton sequence (Owen 2017, arXiv 1706.02808). In each
 * dimension it takes the digits of the index in a prime base, reversed and each randomly permuted. The points cover the
 * cube more evenly than random ones, and each point by itself is uniformly distributed.
 */
export function quasiRandomPoint(seed: number, index: number, dimensions: number): number[] {
  return primes(dimensions).map((base, dimension) => scrambled(seed, index, base, dimension));
}

function scrambled(seed: number, index: number, base: number, dimension: number): number {
  let value = 0;
  let rest = index;
  // The leading zeros of an index are permuted too.
  for (let [digit, weight] = [0, 1 / base]; weight > SMALLEST; digit++, weight /= base) {
    value += weight * permuted(rest % base, base, [SCRAMBLE, seed, dimension, digit]);
    rest = Math.floor(rest / base);
  }
  return Math.min(value, 1 - SMALLEST);
}

/** Permutes a digit with the permutation for a position (Fisher and Yates 1938, in Durstenfeld's form). */
function permuted(digit: number, base: number, place: readonly number[]): number {
  const digits = Array.from({ length: base }, (_, each) => each);
  for (let last = base - 1; last > 0; last--) {
    const other = Math.floor(uniformAt(...place, last) * (last + 1));
    [digits[last], digits[other]] = [digits[other]!, digits[last]!];
  }
  return digits[digit]!;
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  }
  return found;
}
