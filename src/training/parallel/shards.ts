/** A shard of a batch: the images from `start` up to but not including `end`. */
export interface Shard {
  readonly start: number;
  readonly end: number;
}

/**
 * Splits a batch into contiguous shards, one per thread, as evenly as possible. The first ones are larger. If the batch
 * is smaller than the number of threads, the last ones are empty.
 */
export function shardsOf(batch: number, threads: number): readonly Shard[] {
  const least = Math.floor(batch / threads);
  const larger = batch % threads;
  const start = (index: number) => index * least + Math.min(index, larger);
  return Array.from({ length: threads }, (_, index) => ({ start: start(index), end: start(index + 1) }));
}

/** Returns the number of images per shard, without the empty ones. */
export function imagesOf(shards: readonly Shard[]): readonly number[] {
  return shards.map(({ start, end }) => end - start).filter((images) => images > 0);
}

/** More threads than this gain little, because the sums take longer than they save. */
const MOST_THREADS = 8;

/** With fewer images per shard than this, kernels are slow. */
const LEAST_SHARD = 16;

/** Returns the default number of training threads: one per CPU core, unless the shards become too small. */
export function defaultThreads(processors: number, batch: number): number {
  return Math.max(1, Math.min(processors, MOST_THREADS, Math.floor(batch / LEAST_SHARD)));
}
