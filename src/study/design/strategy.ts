import type { BlockSource } from './source';

/** Blocks of a source. */
export interface Choice {
  readonly source: BlockSource;
  readonly blocks: number;
}

/** How one kind of design spends a budget. */
export interface Strategy {
  /** The best choice within a budget; null where nothing fits. */
  largest(runs: number, leastBlocks: number): Choice | null;
  /** Nearly as precise a choice of the same size, found more quickly; absent where `largest` is quick. */
  sketch?(runs: number, leastBlocks: number): Choice | null;
  /** The fewest runs that work. */
  smallestRuns(leastBlocks: number): number;
}
