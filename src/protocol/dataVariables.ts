/** Environment variable of a trainer: number of threads that prepare images. By default, the remaining cores. */
export const DATA_WORKERS = 'BAG_OF_TRICKS_DATA_WORKERS';

/** Environment variable of a trainer: MiB of decoded images to keep in memory. */
export const CACHE_MB = 'BAG_OF_TRICKS_CACHE_MB';
