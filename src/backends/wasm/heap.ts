import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';

export const FLOAT_BYTES = 4;
/** Values per vector. */
export const LANES = 4;
export const VECTOR_BYTES = LANES * FLOAT_BYTES;

/** Access to tensors in the memory of the wasm backend. */
export interface Heap {
  /** Returns the address of a tensor's first value. */
  addressOf(tensor: tf.TensorInfo): number;
  /** Returns a view of a tensor's values, valid until the next tensor is made, which may move the heap. */
  valuesOf(tensor: tf.TensorInfo): Float32Array;
}

/** Returns access to the wasm backend's memory, for our own kernels. */
export function heapOf(backend: BackendWasm): Heap {
  return {
    addressOf: ({ dataId }) => backend.getMemoryOffset(dataId),
    valuesOf: (tensor) => backend.typedArrayFromHeap(tensor) as Float32Array,
  };
}
