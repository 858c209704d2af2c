/** A shard of a batch: its images from `start` to before `end`. */
export interface Shard {
  readonly start: number;
  readonly end: number;
}

/**
 * A batch's shards, one a thread and each next to the one before it, as even as they come: the first are the
 * larger. Of a batch smaller than the number of threads the last are empty.
 */
export function shardsOf(batch: number, threads: number): readonly Shard[] {
  const least = Math.floor(batch / threads);
  const larger = batch % threads;
  const start = (index: number) => index * least + Math.min(index, larger);
  return Array.from({ length: threads }, (_, index) => ({ start: start(index), end: start(index + 1) }));
}

/** How many images each shard has, without the empty ones. */
export function imagesOf(shards: readonly Shard[]): readonly number[] {
  return shards.map(({ start, end }) => end - start).filter((images) => images > 0);
}

/** More threads than this gain little: sums take longer than they save. */
const MOST_THREADS = 8;

/** Fewer images than this to a shard make kernels slow. */
const LEAST_SHARD = 16;

/** On how many threads to train where nobody says: one a processor, unless shards become too small. */
export function defaultThreads(processors: number, batch: number): number {
  return Math.max(1, Math.min(processors, MOST_THREADS, Math.floor(batch / LEAST_SHARD)));
}
