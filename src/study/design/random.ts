import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** Returns a uniformly random integer from 0 to `below` - 1. */
export type RandomBelow = (below: number) => number;

/** Returns the random stream with this seed and number. Different numbers give independent streams. */
export function randomStream(seed: number, stream: number): RandomBelow {
  const mixed = mix(mix(seed) ^ mix(stream ^ 0x9e3779b9));
  const state = [1, 2, 3, 4].map((word) => mix(mixed + Math.imul(word, 0x9e3779b9)));
  const generator = xoroshiro128plusFromState(state);
  return (below) => uniformInt(generator, 0, below - 1);
}

/** Shuffles the items (Fisher and Yates 1938). */
export function shuffled<T>(items: readonly T[], below: RandomBelow): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

/**
 * Murmur3's finalizer, which mixes every bit. Without it, neighboring seeds would start a linear generator in
 * neighboring states.
 */
function mix(word: number): number {
  let mixed = word | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
