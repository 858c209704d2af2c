import { add, advance, get, instantiate, load, multiply, set, store, zero } from './assembler';
import { FLOAT_BYTES, heapOf, LANES, VECTOR_BYTES } from './heap';
import { register } from './register';

/** Number of independent running sums, so that no addition waits for the previous one. */
const SUMS = 4;
const ROUND = SUMS * LANES;

/** Number of values whose squares are summed in float32. The totals are in double precision. */
const CHUNK = 2 ** 14;

/** Registers the wasm backend's kernel that ../../training/ops/norm.ts requests: one pass over the tensor. */
export function registerNorms(memory: WebAssembly.Memory): void {
  const { squares } = instantiate(memory, {
    squares: {
      parameters: 3,
      body: (f, values, sums, rounds) => {
        const parts = f.vectors(SUMS);
        const [value] = f.vectors(1) as [number];
        return [
          ...parts.flatMap((part) => set(part, zero)),
          ...f.repeat(
            { local: rounds },
            ...parts.flatMap((part, index) => [
              set(value, load(values, index * VECTOR_BYTES)),
              set(part, add(get(part), multiply(get(value), get(value)))),
            ]),
            advance(values, SUMS * VECTOR_BYTES),
          ),
          ...parts.flatMap((part, index) => store(sums, index * VECTOR_BYTES, get(part))),
        ];
      },
    },
  });
  register('SumOfSquares', ({ inputs: { x }, backend }) => {
    const sums = backend.makeOutput([ROUND], 'float32');
    const result = backend.makeOutput([], 'float32');
    const { addressOf, valuesOf } = heapOf(backend);
    const [values, parts] = [valuesOf(x), valuesOf(sums)];
    const whole = values.length - (values.length % ROUND);
    let total = 0;
    for (let first = 0; first < whole; first += CHUNK) {
      const rounds = Math.min(CHUNK, whole - first) / ROUND;
      squares(addressOf(x) + first * FLOAT_BYTES, addressOf(sums), rounds);
      for (const part of parts) total += part;
    }
    for (const value of values.subarray(whole)) total += value * value;
    valuesOf(result)[0] = total;
    backend.disposeData(sums.dataId);
    return result;
  });
}
