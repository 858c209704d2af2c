export interface Batch {
  /** Number of images in the batch. Less than the batch size in the last batch of an evaluation. */
  readonly size: number;
  /** [size, height, width, channels], normalized: (pixel / 255 - mean) / std per channel. */
  readonly images: Float32Array;
  /** [size], each in [0, classes). */
  readonly labels: Int32Array;
}

/** The batches of a split, epoch by epoch. */
export interface BatchSource {
  /** Batches per epoch. */
  readonly count: number;
  /** Milliseconds that `fill` has waited for images so far. 0 if they are in memory. */
  readonly waitedMs: number;
  /**
   * Fills batch `index` of an epoch, valid until the next `fill`. Cheapest in sequence, with the same array for the
   * whole epoch, because the next batches are then prepared ahead.
   *
   * @param order the epoch's images, [split.count] indices into the split
   * @throws UserError if an image cannot be read
   */
  fill(order: Uint32Array, index: number, epoch: number): Promise<Batch>;
}
