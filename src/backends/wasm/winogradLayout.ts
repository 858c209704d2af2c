import { FLOAT_BYTES } from './heap';
import { GAP_BYTES } from './packing';

/** Positions of a transformed tile, 4 by 4. */
export const POSITIONS = 16;
/** The size of a transformed block: half of a second-level cache. */
const BLOCK_BYTES = 256 * 1024;
/** Fewer tiles than this to a block, and reading the kernel takes longer than the products. */
const LEAST_TILES = 64;

export interface Layout {
  readonly channels: number;
  readonly filters: number;
  /** Output pixels in a row: the last tile has one of its two when that is odd. */
  readonly width: number;
  /** Tiles in a row of tiles. */
  readonly tiles: number;
  /** Rows of tiles in a block. */
  readonly blockRows: number;
  /** Tiles there is room for in a block, a multiple of 4. */
  readonly capacity: number;
}

/**
 * How tiles of output pixels, 2 by 2, are cut into blocks. ../README.md has the order of the values in one.
 *
 * @param rows Rows of tiles in all images, which blocks share evenly.
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
 * Bytes from one position of a block to the next. A line more than it holds: strides that are powers of two would
 * put the 16 positions of a tile on the same few lines of the first-level cache.
 */
export function planeBytes(capacity: number, depth: number): number {
  return capacity * depth * FLOAT_BYTES + GAP_BYTES;
}

/** Room for a block of transformed inputs and one of transformed outputs. */
export function scratchFloats({ capacity, channels, filters }: Layout): number {
  return (POSITIONS * (planeBytes(capacity, channels) + planeBytes(capacity, filters))) / FLOAT_BYTES;
}
