/** Numbers that are drawn by their place, so that a search that is resumed draws what it would have drawn. */

/** Murmur3's finalizer (Appleby 2011): every bit of the result depends on every bit given. */
function mixed(bits: number): number {
  let hash = bits | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 32 bits that depend on whole numbers and their order. */
function hashOf(numbers: readonly number[]): number {
  return numbers.reduce((hash, number) => mixed(Math.imul(hash ^ mixed(number), 0x9e3779b1) + 0x6a09e667), 0);
}

/** A number from 0 to below 1, with 53 random bits, that depends on whole numbers and their order. */
export function uniformAt(...place: readonly number[]): number {
  const [high, low] = [hashOf([...place, 1]) >>> 5, hashOf([...place, 2]) >>> 6];
  return (high * 2 ** 26 + low) / 2 ** 53;
}
