import { availableParallelism, totalmem } from 'node:os';
import { CACHE_MB, DATA_WORKERS } from '../../../protocol/dataVariables';
import { TENSORFLOW_THREADS, THREADS, threadsIn } from '../../../protocol/trainer';
import type { EngineName } from '../../../recipe/engineNames';
import { assertNever } from '../../../shared/assertNever';

/** Decoded images kept where nobody says: what a small data set needs, and at most a share of the memory. */
const DEFAULT_CACHE_MB = 512;
const CACHE_SHARE = 1 / 8;

/**
 * How many threads prepare images: as many as the environment says, else the cores that the computation leaves. Of a run
 * that shares the machine with others, and so was given its threads, as many as these.
 *
 * @param computing cores that the computation keeps busy
 */
export function dataWorkersHere(computing: number): number {
  const asked = threadsIn(process.env, DATA_WORKERS);
  if (asked !== null) return asked;
  const left = Math.max(1, availableParallelism() - computing);
  return Math.min(left, threadsIn(process.env, THREADS) ?? left);
}

/** Bytes of decoded images that are kept in memory. */
export function cacheBytesHere(): number {
  const text = process.env[CACHE_MB]?.trim();
  const asked = text ? Number(text) : Number.NaN;
  if (asked >= 0 && Number.isFinite(asked)) return Math.floor(asked * 2 ** 20);
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.min(DEFAULT_CACHE_MB * 2 ** 20, Math.floor(CACHE_SHARE * Math.min(limit, totalmem())));
}

/** Cores that an engine keeps busy, which computes on so many threads. */
export function computeThreads(engine: EngineName, threads: number): number {
  switch (engine) {
    case 'tensorflow':
      // Its own threads, one a core where nobody says.
      return threadsIn(process.env, TENSORFLOW_THREADS) ?? availableParallelism();
    case 'wasm':
    case 'cpu':
      return threads;
    case 'webgpu':
    case 'tensorflow-gpu':
      // The thread that feeds the GPU.
      return 1;
    default:
      return assertNever(engine);
  }
}
