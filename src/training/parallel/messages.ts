import type { EngineName } from '../../recipe/engineNames';
import type { Recipe } from '../../recipe/recipe';
import type { Metrics } from '../loop/evaluation';
import type { Teacher } from '../loop/teacher';
import type { RandomState } from '../random';
import type { SharedMemory } from './sharedMemory';

/** What a thread is started with. */
export interface ThreadData {
  readonly engine: EngineName;
  readonly recipe: Recipe;
  readonly teacher: Teacher | null;
  readonly memory: SharedMemory;
  /** Which thread it is, from 0, the one that starts the others, and how many there are. */
  readonly index: number;
  readonly threads: number;
}

/** What a thread is asked to do. Batches, weights and results lie in the shared memory. */
export type ToThread =
  /** Load a bucket's weights and buffers from the shared memory into the network. */
  | { readonly type: 'load'; readonly bucket: number }
  /** Load a step's batches, `count` of them. */
  | { readonly type: 'begin'; readonly count: number; readonly size: number }
  /** Pass them, with dropout drawn from that stream; answered by a 'ready' for each bucket, in their order, and then 'passed'. */
  | { readonly type: 'pass'; readonly lossScale: number; readonly random: RandomState }
  /** Let go of the step's batches. */
  | { readonly type: 'end' }
  /** Say what the network makes of the first batch's images; answered by 'predicted'. */
  | { readonly type: 'predict'; readonly size: number };

/** What a thread answers. */
export type FromThread =
  /** The engine is loaded: the thread takes messages. */
  | { readonly type: 'started' }
  /** A bucket's gradients are in the shared memory. */
  | { readonly type: 'ready' }
  | { readonly type: 'passed'; readonly metrics: Metrics }
  | { readonly type: 'predicted' }
  /** The thread met an error, and does no more. */
  | { readonly type: 'failed'; readonly message: string };
