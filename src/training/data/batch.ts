export interface Batch {
  /** Images in the batch; less than the batch size in the rest batch of an evaluation. */
  readonly size: number;
  /** [size, height, width, channels], normalised: (pixel / 255 - mean) / std by channel. */
  readonly images: Float32Array;
  /** [size], each in [0, classes). */
  readonly labels: Int32Array;
}

/** The batches of a split, epoch by epoch. */
export interface BatchSource {
  /** Batches in an epoch. */
  readonly count: number;
  /** Milliseconds that `fill` has waited for images so far; 0 where they are in memory. */
  readonly waitedMs: number;
  /**
   * Fills batch `index` of an epoch, which holds until the next `fill`. Cheapest in turn, with one array for all of an
   * epoch: what comes next is then prepared ahead.
   *
   * @param order the epoch's images, [split.count] indices into the split
   * @throws UserError when an image cannot be read
   */
  fill(order: Uint32Array, index: number, epoch: number): Promise<Batch>;
}
