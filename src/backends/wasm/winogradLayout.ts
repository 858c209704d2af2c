import { FLOAT_BYTES } from './heap';
import { GAP_BYTES } from './packing';

/** Positions of a transformed 4x4 tile. */
export const POSITIONS = 16;
/** Size of a transformed block: half of an L2 cache. */
const BLOCK_BYTES = 256 * 1024;
/** With fewer tiles per block, reading the kernel takes longer than the products. */
const LEAST_TILES = 64;

export interface Layout {
  readonly channels: number;
  readonly filters: number;
  /** Output pixels per row. If odd, the last tile has one of its two. */
  readonly width: number;
  /** Tiles per row of tiles. */
  readonly tiles: number;
  /** Rows of tiles per block. */
  readonly blockRows: number;
  /** Maximum number of tiles per block, a multiple of 4. */
  readonly capacity: number;
}

/**
 * Computes how 2x2 tiles of output pixels are divided into blocks. ../README.md describes the order of the values in a
 * block.
 *
 * @param rows Rows of tiles in all images, which are spread evenly over the blocks.
 */
export function layoutOf(channels: number, filters: number, width: number, rows: number): Layout {
  const tiles = Math.ceil(width / 2);
  const fitting = BLOCK_BYTES / (POSITIONS * FLOAT_BYTES * (channels + filters));
  const blocks = Math.ceil((rows * tiles) / Math.max(fitting, LEAST_TILES));
  const blockRows = Math.ceil(rows / blocks);
  const capacity = Math.ceil((blockRows * tiles) / 4) * 4;
  return { channels, filters, width, tiles, blockRows, capacity };
}

/**
 * Returns the stride in bytes between positions of a block. It includes one extra cache line, because power-of-two
 * strides would map the 16 positions of a tile to the same few lines of the L1 cache.
 */
export function planeBytes(capacity: number, depth: number): number {
  return capacity * depth * FLOAT_BYTES + GAP_BYTES;
}

/** Returns the size of a block of transformed inputs plus one of transformed outputs. */
export function scratchFloats({ capacity, channels, filters }: Layout): number {
  return (POSITIONS * (planeBytes(capacity, channels) + planeBytes(capacity, filters))) / FLOAT_BYTES;
}
