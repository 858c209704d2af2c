import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';

export const FLOAT_BYTES = 4;
/** Values of a vector. */
export const LANES = 4;
export const VECTOR_BYTES = LANES * FLOAT_BYTES;

/** Where tensors lie in the memory of the wasm backend. */
export interface Heap {
  /** The address of a tensor's first value. */
  addressOf(tensor: tf.TensorInfo): number;
  /** A tensor's values themselves, until the next tensor is made: that may move the memory. */
  valuesOf(tensor: tf.TensorInfo): Float32Array;
}

/** The memory of the wasm backend as kernels of its own look at it. */
export function heapOf(backend: BackendWasm): Heap {
  return {
    addressOf: ({ dataId }) => backend.getMemoryOffset(dataId),
    valuesOf: (tensor) => backend.typedArrayFromHeap(tensor) as Float32Array,
  };
}
