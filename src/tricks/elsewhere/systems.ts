import type { TrickMapping } from './mapping';
import type { Part } from './translation';

/** Marks a trick that a system does not have. */
export const NO_EQUIVALENT = 'no equivalent';
export type NoEquivalent = typeof NO_EQUIVALENT;

/** A trick in a system whose experiment files can be imported and whose command can be exported. */
interface BothWays {
  /** How the system's files write the trick. */
  readonly file: TrickMapping | NoEquivalent;
  /**
   * Translates a recipe to options of the system's command, whether or not the trick is in it: the system's default may
   * differ.
   */
  readonly command: Part | NoEquivalent;
}

/** The equivalents of a trick in other systems. All are required. */
export interface Systems {
  readonly timm: BothWays;
  readonly torchvision: BothWays;
  readonly mmpretrain: Pick<BothWays, 'file'>;
}
