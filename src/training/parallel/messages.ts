import type { EngineName } from '../../recipe/engineNames';
import type { Recipe } from '../../recipe/recipe';
import type { Metrics } from '../loop/evaluation';
import type { Teacher } from '../loop/teacher';
import type { RandomState } from '../random';
import type { SharedMemory } from './sharedMemory';

/** The data that a thread starts with. */
export interface ThreadData {
  readonly engine: EngineName;
  readonly recipe: Recipe;
  readonly teacher: Teacher | null;
  readonly memory: SharedMemory;
  /** The thread's index, and the number of threads. Thread 0 starts the others. */
  readonly index: number;
  readonly threads: number;
}

/** A command to a thread. Batches, weights and results are in the shared memory. */
export type ToThread =
  /** Loads a bucket's weights and buffers from the shared memory into the network. */
  | { readonly type: 'load'; readonly bucket: number }
  /** Loads a step's `count` batches. */
  | { readonly type: 'begin'; readonly count: number; readonly size: number }
  /**
   * Passes them, drawing dropout from that stream. Answered with a 'ready' for each bucket, in order, and then
   * 'passed'.
   */
  | { readonly type: 'pass'; readonly lossScale: number; readonly random: RandomState }
  /** Releases the step's batches. */
  | { readonly type: 'end' }
  /** Predicts the images of the first batch. Answered with 'predicted'. */
  | { readonly type: 'predict'; readonly size: number };

/** A thread's answer. */
export type FromThread =
  /** The engine is loaded and the thread accepts messages. */
  | { readonly type: 'started' }
  /** A bucket's gradients are in the shared memory. */
  | { readonly type: 'ready' }
  | { readonly type: 'passed'; readonly metrics: Metrics }
  | { readonly type: 'predicted' }
  /** The thread failed and stops working. */
  | { readonly type: 'failed'; readonly message: string };
