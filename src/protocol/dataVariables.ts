/** Set in a trainer's environment, says how many threads prepare images; by default the cores that are left. */
export const DATA_WORKERS = 'BAG_OF_TRICKS_DATA_WORKERS';

/** Set in a trainer's environment, says how many MiB of decoded images it keeps in memory. */
export const CACHE_MB = 'BAG_OF_TRICKS_CACHE_MB';
