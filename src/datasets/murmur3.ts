/** Grows to fit the longest text. Allocating a buffer per text would create a hundred bytes of garbage per image. */
let scratch = Buffer.alloc(1024);

/**
 * Hashes a text's UTF-8 bytes with the 32-bit variant of MurmurHash3 (Appleby 2011, public domain): fast, evenly
 * distributed, and the same on every system. Does not resist deliberate collisions.
 *
 * @returns an integer in [0, 2^32)
 */
export function murmur3(text: string, seed: number): number {
  // UTF-8 takes at most three bytes per UTF-16 unit.
  if (text.length * 3 > scratch.length) scratch = Buffer.alloc(text.length * 6);
  const bytes = scratch;
  const length = bytes.write(text, 0, 'utf8');
  let hash = seed | 0;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    hash ^= scrambled(bytes.readInt32LE(i));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= whole; i--) tail = (tail << 8) | bytes[i]!;
  if (whole < length) hash ^= scrambled(tail);
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}
