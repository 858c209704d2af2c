import type { Failure } from '../../shared/failure';
import type { LookOutcome } from './looker';
import type { SeenSplit } from './tables';

/** What a thread that looks at images starts with: their arrays are shared. */
export interface LookerData {
  readonly splits: readonly SeenSplit[];
}

/** Images of all splits, in their order. */
export interface LookerTask {
  readonly from: number;
  readonly to: number;
}

export type FromLooker =
  | ({ readonly type: 'done' } & LookOutcome)
  /** What no image is to blame for: for a person, or an exception of ours. */
  | { readonly type: 'refused'; readonly failure: Failure }
  | { readonly type: 'failed'; readonly message: string };
