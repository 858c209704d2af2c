import * as tf from '@tensorflow/tfjs-core';
import { add, advance, instantiate, load, store } from './assembler';
import { FLOAT_BYTES, heapOf, LANES, VECTOR_BYTES } from './heap';
import { register } from './register';

/** Number of array values copied to the engine's memory at a time, small enough for the cache: 64 KiB. */
const CHUNK = 2 ** 14;

/**
 * Registers the wasm backend's kernel `AddInto`: adds arrays outside of its memory to a tensor in place, in order. Each
 * has the tensor's size. Working in chunks is faster than a JavaScript loop, also on values that another thread wrote.
 * See docs/performance.md.
 */
export function registerSums(memory: WebAssembly.Memory): void {
  const { addVectors } = instantiate(memory, {
    addVectors: {
      parameters: 3,
      body: (f, values, sum, vectors) =>
        f.repeat(
          { local: vectors },
          store(sum, 0, add(load(sum, 0), load(values, 0))),
          advance(values, VECTOR_BYTES),
          advance(sum, VECTOR_BYTES),
        ),
    },
  });
  register('AddInto', ({ inputs: { sum }, attributes: { others }, backend }) => {
    const size = tf.util.sizeFromShape(sum.shape);
    const scratch = backend.makeOutput([Math.min(CHUNK, size)], 'float32');
    const { addressOf, valuesOf } = heapOf(backend);
    const [room, own] = [valuesOf(scratch), valuesOf(sum)];
    for (let first = 0; first < size; first += CHUNK) {
      const end = Math.min(first + CHUNK, size);
      const vectors = Math.floor((end - first) / LANES);
      for (const other of others) {
        room.set(other.subarray(first, end));
        if (vectors > 0) {
          addVectors(addressOf(scratch), addressOf(sum) + first * FLOAT_BYTES, vectors);
        }
        for (let index = first + vectors * LANES; index < end; index++) {
          own[index] = (own[index] as number) + (other[index] as number);
        }
      }
    }
    backend.disposeData(scratch.dataId);
    return [];
  });
}
