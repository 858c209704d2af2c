import { isStorable, type Place, packedSize, unpackedSize } from './places';

/** An image in a store. */
export interface StoredPixels extends Place {
  /** Its index among the images of all splits. */
  readonly image: number;
  /** From `checksumOf`. */
  readonly checksum: number;
}

/** The start of a store's index. Identifies the format and version. */
export const INDEX_HEADER = Buffer.from('bag-of-tricks presized 1\n');

/**
 * Image, block, height and width, checksum of the pixels, checksum of the preceding words: 32 bits each, little-endian.
 */
const RECORD_WORDS = 5;
const RECORD_BYTES = 4 * RECORD_WORDS;

/** Encodes the records of some images, one after the other. */
export function encodeRecords(stored: readonly StoredPixels[]): Buffer {
  const bytes = Buffer.alloc(stored.length * RECORD_BYTES);
  for (const [record, { image, block, height, width, checksum }] of stored.entries()) {
    const words = [image, block, packedSize({ height, width }), checksum];
    for (const [word, value] of [...words, checkOf(words)].entries()) {
      bytes.writeUInt32LE(value, record * RECORD_BYTES + 4 * word);
    }
  }
  return bytes;
}

/**
 * Decodes the complete records at the start of `bytes`, up to the first invalid one. Returns their images and where
 * they end.
 *
 * @param images number of images
 */
export function decodeRecords(bytes: Buffer, images: number): { stored: StoredPixels[]; end: number } {
  const stored: StoredPixels[] = [];
  let end = 0;
  for (; end + RECORD_BYTES <= bytes.length; end += RECORD_BYTES) {
    const start = end;
    const word = (index: number) => bytes.readUInt32LE(start + 4 * index);
    const [image, block, size, checksum] = [word(0), word(1), word(2), word(3)];
    const place = { block, ...unpackedSize(size) };
    if (word(4) !== checkOf([image, block, size, checksum]) || image >= images || !isStorable(place)) break;
    stored.push({ image, ...place, checksum });
  }
  return { stored, end };
}

/** Returns a 32-bit checksum of pixels. It detects data that a crash or another writer left behind. */
export function checksumOf(pixels: Uint8Array): number {
  let hash = pixels.length | 0;
  let position = 0;
  if (pixels.byteOffset % 4 === 0) {
    const words = new Int32Array(pixels.buffer, pixels.byteOffset, pixels.length >> 2);
    for (let index = 0; index < words.length; index++) hash = mixed(hash, words[index]!);
    position = words.length * 4;
  }
  for (; position < pixels.length; position += 4) {
    let word = 0;
    for (let byte = 0; byte < 4 && position + byte < pixels.length; byte++) {
      word |= pixels[position + byte]! << (8 * byte);
    }
    hash = mixed(hash, word);
  }
  return finished(hash);
}

function checkOf(words: readonly number[]): number {
  return finished(words.reduce(mixed, RECORD_WORDS));
}

/** One round and the finalizer of MurmurHash3 (Appleby). */
function mixed(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finished(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
