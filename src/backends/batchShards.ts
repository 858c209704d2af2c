/** A batch whose images several threads share, as the kernels of one of them see it. */
export interface BatchShards {
  /** How many images each shard has, in the shards' order. */
  readonly images: readonly number[];
  /**
   * Hands this shard's values to the other threads and waits for theirs. Every thread has to call it as often, with as
   * many values.
   *
   * @returns the values of all shards in their order, which are there until the next call
   * @throws when another thread is lost
   */
  exchange(values: Float64Array): readonly Float64Array[];
}

/** A mean and a biased variance by channel. */
export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/**
 * The moments of the whole batch from those of this shard, as all threads compute them, to the bit. Deviations are taken
 * from means (Chan, Golub and LeVeque 1983), so that nothing cancels where a mean is large.
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

/** Sums over the whole batch from this shard's sums, added up in the shards' order. */
export function wholeSums(shards: BatchShards, sums: Float64Array): Float64Array {
  const whole = new Float64Array(sums.length);
  for (const part of shards.exchange(sums)) {
    for (let index = 0; index < whole.length; index++) {
      whole[index] = (whole[index] as number) + (part[index] as number);
    }
  }
  return whole;
}

/** Images of the whole batch. */
export function wholeImages({ images }: BatchShards): number {
  return images.reduce((sum, count) => sum + count, 0);
}
