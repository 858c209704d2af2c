import type { BlockSource } from './source';

/** A number of blocks from a source. */
export interface Choice {
  readonly source: BlockSource;
  readonly blocks: number;
}

/** Spends a budget on one kind of design. */
export interface Strategy {
  /** Returns the best choice within a budget; null if nothing fits. */
  largest(runs: number, leastBlocks: number): Choice | null;
  /** Returns a nearly as precise choice of the same size, but faster. Absent if `largest` is fast. */
  sketch?(runs: number, leastBlocks: number): Choice | null;
  /** Returns the fewest runs that work. */
  smallestRuns(leastBlocks: number): number;
}
