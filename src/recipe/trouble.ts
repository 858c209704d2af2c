/** What can end a training before its end, and is the recipe's fault, not the machine's. */
export type Trouble =
  /** The loss is no longer a number. */
  | 'divergence'
  /** Gradients leave the range of half precision, step after step. */
  | 'overflow';
