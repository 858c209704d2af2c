import type { TrickMapping } from './mapping';
import type { Part } from './translation';

/** The answer of a trick that a system does not have. */
export const NO_EQUIVALENT = 'no equivalent';
export type NoEquivalent = typeof NO_EQUIVALENT;

/** What a trick is in a system that both reads experiments from files and trains them by a command. */
interface BothWays {
  /** How the system's files write it. */
  readonly file: TrickMapping | NoEquivalent;
  /** What the system's command makes of a recipe, whether or not the trick is in it: its own default may be another. */
  readonly command: Part | NoEquivalent;
}

/** What a trick is in other systems. Each has to be answered. */
export interface Systems {
  readonly timm: BothWays;
  readonly torchvision: BothWays;
  readonly mmpretrain: Pick<BothWays, 'file'>;
}
