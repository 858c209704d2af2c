/** A batch that several threads share, as the kernels of one thread see it. */
export interface BatchShards {
  /** Number of images per shard, in shard order. */
  readonly images: readonly number[];
  /**
   * Sends this shard's values to the other threads and waits for theirs. Every thread must call it the same number of
   * times with the same number of values.
   *
   * @returns the values of all shards, in shard order, valid until the next call
   * @throws if another thread is lost
   */
  exchange(values: Float64Array): readonly Float64Array[];
}

/** Mean and biased variance per channel. */
export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/**
 * Returns the moments of the whole batch, given those of this shard. All threads compute the same bits. Deviations are
 * taken from the means (Chan, Golub and LeVeque 1983), which avoids cancellation if a mean is large.
 */
export function wholeMoments(shards: BatchShards, { mean, variance }: Moments): Moments {
  const channels = mean.length;
  const own = new Float64Array(2 * channels);
  own.set(mean);
  own.set(variance, channels);
  const parts = shards.exchange(own);
  const images = wholeImages(shards);
  const whole = { mean: new Float64Array(channels), variance: new Float64Array(channels) };
  for (const [shard, part] of parts.entries()) {
    const share = (shards.images[shard] as number) / images;
    for (let channel = 0; channel < channels; channel++) {
      whole.mean[channel] = (whole.mean[channel] as number) + share * (part[channel] as number);
    }
  }
  for (const [shard, part] of parts.entries()) {
    const share = (shards.images[shard] as number) / images;
    for (let channel = 0; channel < channels; channel++) {
      const off = (part[channel] as number) - (whole.mean[channel] as number);
      const around = (part[channels + channel] as number) + off * off;
      whole.variance[channel] = (whole.variance[channel] as number) + share * around;
    }
  }
  return whole;
}

/** Returns sums over the whole batch, given this shard's sums. Adds them in shard order. */
export function wholeSums(shards: BatchShards, sums: Float64Array): Float64Array {
  const whole = new Float64Array(sums.length);
  for (const part of shards.exchange(sums)) {
    for (let index = 0; index < whole.length; index++) {
      whole[index] = (whole[index] as number) + (part[index] as number);
    }
  }
  return whole;
}

/** Returns the number of images in the whole batch. */
export function wholeImages({ images }: BatchShards): number {
  return images.reduce((sum, count) => sum + count, 0);
}
