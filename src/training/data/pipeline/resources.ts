import { availableParallelism, totalmem } from 'node:os';
import { CACHE_MB, DATA_WORKERS } from '../../../protocol/dataVariables';
import { TENSORFLOW_THREADS, THREADS, threadsIn } from '../../../protocol/trainer';
import type { EngineName } from '../../../recipe/engineNames';
import { assertNever } from '../../../shared/assertNever';

/** Default cache size for decoded images: enough for a small data set, and at most a share of the memory. */
const DEFAULT_CACHE_MB = 512;
const CACHE_SHARE = 1 / 8;

/**
 * Returns the number of threads that prepare images: the value of the environment variable, else the cores that
 * computation leaves free. A run that shares the machine with others was assigned a number of threads and uses at most
 * as many.
 *
 * @param computing cores that the computation keeps busy
 */
export function dataWorkersHere(computing: number): number {
  const asked = threadsIn(process.env, DATA_WORKERS);
  if (asked !== null) return asked;
  const left = Math.max(1, availableParallelism() - computing);
  return Math.min(left, threadsIn(process.env, THREADS) ?? left);
}

/** Returns the memory limit for decoded images, in bytes. */
export function cacheBytesHere(): number {
  const text = process.env[CACHE_MB]?.trim();
  const asked = text ? Number(text) : Number.NaN;
  if (asked >= 0 && Number.isFinite(asked)) return Math.floor(asked * 2 ** 20);
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.min(DEFAULT_CACHE_MB * 2 ** 20, Math.floor(CACHE_SHARE * Math.min(limit, totalmem())));
}

/** Returns the number of cores that an engine with this number of threads keeps busy. */
export function computeThreads(engine: EngineName, threads: number): number {
  switch (engine) {
    case 'tensorflow':
      // TensorFlow has its own threads, by default one per core.
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
