import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runOwnKernel } from '../../backends/engineKernels';
import { buffersOf, type Graph, parametersOf, sizeOf } from '../../models/graph';
import { graphOf } from '../../recipe/draft';
import type { Recipe } from '../../recipe/recipe';
import { allocateExchange, type ExchangeMemory } from './statisticsExchange';

/** The position of a tensor's values in an array. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** Adjacent slots that are shared together. One thread reads a bucket while another writes the next one. */
export interface Bucket {
  readonly parameters: readonly Slot[];
  readonly buffers: readonly Slot[];
}

/** Returns a bucket's slots, parameters first. */
export function slotsOf({ parameters, buffers }: Bucket): readonly Slot[] {
  return [...parameters, ...buffers];
}

/** The layout of a network's parameters, followed by its buffers, in an array of values. */
export interface Layout {
  readonly buckets: readonly Bucket[];
  /** Total number of values. */
  readonly size: number;
}

/** Values per bucket, 2 MiB. Small enough that a thread still finds in a cache what another has written. */
const BUCKET_VALUES = 2 ** 19;

export function layoutOf(graph: Graph): Layout {
  let end = 0;
  const slot = ({ name, shape }: { readonly name: string; readonly shape: readonly number[] }): Slot => {
    const start = end;
    end += sizeOf(shape);
    return { name, shape, start, end };
  };
  const parameters = parametersOf(graph).map(slot);
  const buffers = buffersOf(graph).map(slot);
  const within = (slots: readonly Slot[], first: number) =>
    slots.filter(({ start }) => start >= first && start < first + BUCKET_VALUES);
  const buckets = Array.from({ length: Math.ceil(end / BUCKET_VALUES) }, (_, index) => ({
    parameters: within(parameters, index * BUCKET_VALUES),
    buffers: within(buffers, index * BUCKET_VALUES),
  }));
  // A long parameter may leave the following buckets without slots.
  return {
    buckets: buckets.filter((each) => slotsOf(each).length > 0),
    size: end,
  };
}

/** Memory that a training's threads share. The messages between them determine which thread may write what. */
export interface SharedMemory {
  /** The network's parameters and buffers, in its layout. */
  readonly weights: Float32Array;
  /** For each thread except the first, gradients in the layout of the parameters. */
  readonly results: readonly Float32Array[];
  /** A step's batches, in sequence: [batches, batch, height, width, channels]. */
  readonly images: Float32Array;
  /** [batches, batch, classes]. */
  readonly targets: Float32Array;
  /** [batches, batch]. */
  readonly labels: Int32Array;
  /** For the images of one batch, [batch, classes]. */
  readonly logits: Float32Array;
  /** The sums of batch norms. */
  readonly exchange: ExchangeMemory;
}

/** Allocates the memory for a recipe's training on several threads. */
export function allocate({ model, data, gradients }: Recipe, threads: number): SharedMemory {
  const { dataset, batchSize } = data;
  const graph = graphOf({ model, data });
  const { size } = layoutOf(graph);
  const images = gradients.accumulation * batchSize;
  const floats = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));
  return {
    weights: floats(size),
    results: Array.from({ length: threads - 1 }, () => floats(size)),
    images: floats(images * dataset.height * dataset.width * dataset.channels),
    targets: floats(images * dataset.classes),
    labels: new Int32Array(new SharedArrayBuffer(images * 4)),
    logits: floats(batchSize * dataset.classes),
    exchange: allocateExchange(graph, threads),
  };
}

/** Copies tensors to their slots in an array. */
export function store(
  slots: readonly Slot[],
  tensors: ReadonlyMap<string, tf.Tensor>,
  values: Float32Array,
): void {
  for (const { name, start } of slots) values.set(valuesOf(tensors.get(name) as tf.Tensor), start);
}

/** Calls `use` with each tensor's name and a copy of the tensor. */
export function load(
  slots: readonly Slot[],
  values: Float32Array,
  use: (name: string, tensor: tf.Tensor) => void,
): void {
  for (const { name, shape, start, end } of slots) {
    use(name, tf.tensor(values.subarray(start, end), [...shape]));
  }
}

/** Adds several arrays to a tensor in place, in their order, so that the rounding is always the same. */
export function addInto(sum: tf.Tensor, others: readonly Float32Array[]): void {
  if (hasKernel('AddInto')) {
    runOwnKernel('AddInto', { sum }, { others });
    return;
  }
  const own = valuesOf(sum);
  for (const other of others) {
    for (let index = 0; index < own.length; index++) {
      own[index] = (own[index] as number) + (other[index] as number);
    }
  }
}

/**
 * Returns a view of a tensor's float32 values, valid until the engine's next operation. Writing to it changes every
 * tensor that shares the values.
 *
 * @throws if the engine does not expose its memory, as wasm does
 */
export function valuesOf(tensor: tf.Tensor): Float32Array {
  const backend = tf.backend() as tf.KernelBackend & Partial<Pick<BackendWasm, 'typedArrayFromHeap'>>;
  if (!backend.typedArrayFromHeap) throw new Error('The engine does not show where its tensors lie');
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}
