/**
 * The positions of images' pixels in a store: tables in shared memory. All threads of a training read them, and any
 * thread that stores an image writes them.
 */

/** The alignment and unit of stores, in bytes. A 32-bit block number covers a terabyte. */
export const BLOCK_BYTES = 256;

/** The longest side that a table can represent, in pixels. */
const MAX_SIDE = 0xffff;

/** One entry per image, 8 bytes each. */
export interface Places {
  /** The first block of its pixels. */
  readonly blocks: Uint32Array;
  /** Its height and width in pixels, 16 bits each. 0 if it is not stored. */
  readonly sizes: Uint32Array;
}

/** Size in pixels. */
interface ImageSides {
  readonly height: number;
  readonly width: number;
}

export interface Place extends ImageSides {
  readonly block: number;
}

/** A store's free space, from which threads allocate: the next free block, and the total number of blocks. */
export interface Room {
  readonly next: Uint32Array;
  readonly limit: number;
}

/** Returns a table without images. */
export function noPlaces(images: number): Places {
  return { blocks: sharedIntegers(images), sizes: sharedIntegers(images) };
}

/** @param limit in blocks */
export function emptyRoom(limit: number): Room {
  return { next: sharedIntegers(1), limit };
}

/** Returns the position of an image. Null if it is not stored. */
export function placeOf({ blocks, sizes }: Places, image: number): Place | null {
  const size = Atomics.load(sizes, image);
  return size === 0 ? null : { block: blocks[image]!, ...unpackedSize(size) };
}

/** Enters an image whose pixels are already written. */
export function enter({ blocks, sizes }: Places, image: number, place: Place): void {
  blocks[image] = place.block;
  // Written last: any thread that sees the size also sees the block.
  Atomics.store(sizes, image, packedSize(place));
}

/** Packs a height and a width into 32 bits. */
export function packedSize({ height, width }: ImageSides): number {
  return ((height << 16) | width) >>> 0;
}

export function unpackedSize(size: number): ImageSides {
  return { height: size >>> 16, width: size & MAX_SIDE };
}

/** Returns whether a table can represent images of this size. */
export function isStorable({ height, width }: ImageSides): boolean {
  return height > 0 && width > 0 && height <= MAX_SIDE && width <= MAX_SIDE;
}

/** Allocates space for some bytes. Returns the first block, or null if there is not enough space. */
export function take({ next, limit }: Room, bytes: number): number | null {
  const blocks = blocksOf(bytes);
  // Checks before it adds: an image that does not fit must not use up the space for one that does.
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
