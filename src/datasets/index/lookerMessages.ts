import type { Failure } from '../../shared/failure';
import type { LookOutcome } from './looker';
import type { SeenSplit } from './tables';

/** The start data of a scanning thread. The arrays are shared. */
export interface LookerData {
  readonly splits: readonly SeenSplit[];
}

/** A range of images, counted across all splits in order. */
export interface LookerTask {
  readonly from: number;
  readonly to: number;
}

export type FromLooker =
  | ({ readonly type: 'done' } & LookOutcome)
  /** Errors that are not an image's fault: one to show the user, or an internal exception. */
  | { readonly type: 'refused'; readonly failure: Failure }
  | { readonly type: 'failed'; readonly message: string };
