import type { Range } from '../../recipe/augmentation';

/** A random source. Each call returns a number in [0, 1). */
export type Uniform = () => number;

/** Draws uniformly from a range. Takes 1 number. */
export function drawIn([least, most]: Range, uniform: Uniform): number {
  return least + (most - least) * uniform();
}

/** Draws an integer uniformly from 0 to `limit` - 1. Takes 1 number. */
export function drawBelow(limit: number, uniform: Uniform): number {
  return Math.floor(uniform() * limit);
}

/** Draws from a normal distribution with mean 0 and standard deviation 1 (Box and Muller 1958). Takes 2 numbers. */
export function drawNormal(uniform: Uniform): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}
