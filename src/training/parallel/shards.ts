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

/** More threads than this gain little: batch norm sees too few images, and sums take longer than they save. */
const MOST_THREADS = 8;

/** Fewer images than this to a shard make batch norm's statistics noisy, and kernels slow. */
const LEAST_SHARD = 16;

/** On how many threads to train where nobody says: one a processor, unless shards become too small. */
export function defaultThreads(processors: number, batch: number): number {
  return Math.max(1, Math.min(processors, MOST_THREADS, Math.floor(batch / LEAST_SHARD)));
}

/** The sum of several arrays, each times its share, in their order. */
export function meanOf(parts: readonly Float32Array[], shares: readonly number[]): Float32Array {
  const mean = new Float32Array(parts[0]?.length ?? 0);
  for (const [part, values] of parts.entries()) {
    const share = shares[part] as number;
    for (let index = 0; index < mean.length; index++) {
      mean[index] = (mean[index] as number) + share * (values[index] as number);
    }
  }
  return mean;
}
