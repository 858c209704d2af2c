/**
 * Counter-based random numbers: a resumed search draws the same numbers that it would have drawn without interruption.
 */

/** Murmur3's finalizer (Appleby 2011): every output bit depends on every input bit. */
function mixed(bits: number): number {
  let hash = bits | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Hashes a sequence of integers to 32 bits. The order matters. */
function hashOf(numbers: readonly number[]): number {
  return numbers.reduce((hash, number) => mixed(Math.imul(hash ^ mixed(number), 0x9e3779b1) + 0x6a09e667), 0);
}

/** Returns a number in [0, 1) with 53 random bits, determined by a sequence of integers. The order matters. */
export function uniformAt(...place: readonly number[]): number {
  const [high, low] = [hashOf([...place, 1]) >>> 5, hashOf([...place, 2]) >>> 6];
  return (high * 2 ** 26 + low) / 2 ** 53;
}
