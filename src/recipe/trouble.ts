/** Failures that end a training early because of the recipe, not the machine. */
export type Trouble =
  /** The loss is no longer finite. */
  | 'divergence'
  /** Gradients overflow half precision step after step. */
  | 'overflow';
