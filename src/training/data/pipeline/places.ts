/**
 * Where the pixels of images lie in a store: tables over shared memory that all threads of a training read, and that
 * whoever stores an image writes.
 */

/** Where stores are aligned, and what they count in: 32 bits of them are a terabyte. */
export const BLOCK_BYTES = 256;

/** The longest side that a table has room for, pixels. */
const MAX_SIDE = 0xffff;

/** By image; 8 bytes for each. */
export interface Places {
  /** Where its pixels begin, in blocks. */
  readonly blocks: Uint32Array;
  /** Its height and width in pixels, 16 bits each; 0 where it is not stored. */
  readonly sizes: Uint32Array;
}

/** Pixels. */
interface ImageSides {
  readonly height: number;
  readonly width: number;
}

export interface Place extends ImageSides {
  readonly block: number;
}

/** A store's free room, which threads take parts of: the next free block, and the number of blocks. */
export interface Room {
  readonly next: Uint32Array;
  readonly limit: number;
}

/** A table in which no image is. */
export function noPlaces(images: number): Places {
  return { blocks: sharedIntegers(images), sizes: sharedIntegers(images) };
}

/** @param limit blocks */
export function emptyRoom(limit: number): Room {
  return { next: sharedIntegers(1), limit };
}

/** Where an image is; null where it is not stored. */
export function placeOf({ blocks, sizes }: Places, image: number): Place | null {
  const size = Atomics.load(sizes, image);
  return size === 0 ? null : { block: blocks[image]!, ...unpackedSize(size) };
}

/** Enters an image whose pixels are there already. */
export function enter({ blocks, sizes }: Places, image: number, place: Place): void {
  blocks[image] = place.block;
  // Last: whoever sees it, from whichever thread, finds the block too.
  Atomics.store(sizes, image, packedSize(place));
}

/** A height and a width in 32 bits. */
export function packedSize({ height, width }: ImageSides): number {
  return ((height << 16) | width) >>> 0;
}

export function unpackedSize(size: number): ImageSides {
  return { height: size >>> 16, width: size & MAX_SIDE };
}

/** Whether a table has room for images of this size. */
export function isStorable({ height, width }: ImageSides): boolean {
  return height > 0 && width > 0 && height <= MAX_SIDE && width <= MAX_SIDE;
}

/** Takes room for so many bytes; the first block, or null where there is not enough. */
export function take({ next, limit }: Room, bytes: number): number | null {
  const blocks = blocksOf(bytes);
  // Not by adding first: an image that does not fit must not use up the room of one that does.
  for (;;) {
    const block = Atomics.load(next, 0);
    if (block + blocks > limit) return null;
    if (Atomics.compareExchange(next, 0, block, block + blocks) === block) return block;
  }
}

export function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

export function sharedIntegers(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * 4));
}
