import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { HalfFormat } from '../precision/formats';
import { roundArray } from '../precision/round';
import { ROUNDING_KERNEL } from '../precision/roundTensor';
import {
  add,
  addIntegers,
  advance,
  and,
  type Code,
  type FunctionBuilder,
  type FunctionSource,
  get,
  instantiate,
  load,
  maximumInteger,
  minimumInteger,
  multiply,
  notEqual,
  or,
  set,
  shiftRight,
  splat,
  store,
  subtract,
} from './assembler';
import { heapOf, LANES, VECTOR_BYTES } from './heap';
import { register } from './register';

/** Registers the wasm backend's kernel for `roundTensor`: one branchless pass at memory speed. */
export function registerRounding(memory: WebAssembly.Memory): void {
  const functions: Record<HalfFormat, Rounding> = instantiate(memory, {
    float16: everyVector(nearestHalf),
    bfloat16: everyVector(nearestBfloat16),
  });
  register(ROUNDING_KERNEL, ({ inputs: { x }, attributes: { format }, backend }) =>
    round(backend, x, format, functions[format]),
  );
}

type Rounding = (input: number, output: number, vectors: number) => void;

function round(backend: BackendWasm, x: tf.TensorInfo, format: HalfFormat, vectors: Rounding): tf.TensorInfo {
  const y = backend.makeOutput(x.shape, 'float32');
  const { addressOf, valuesOf } = heapOf(backend);
  const size = tf.util.sizeFromShape(x.shape);
  const rest = size % LANES;
  if (size >= LANES) {
    vectors(addressOf(x), addressOf(y), (size - rest) / LANES);
  }
  if (rest > 0) {
    const last = valuesOf(x).subarray(size - rest);
    valuesOf(y).set(roundArray(last, format), size - rest);
  }
  return y;
}

/** Parameters: the values, the destination of the rounded values, the number of vectors. */
function everyVector(nearest: (f: FunctionBuilder, x: Code) => { before: Code; each: Code }): FunctionSource {
  return {
    parameters: 3,
    body: (f, input, output, vectors) => {
      const x = f.vectors(1)[0] as number;
      const { before, each } = nearest(f, get(x));
      return [
        ...before,
        ...f.repeat(
          { local: vectors },
          set(x, load(input, 0)),
          store(output, 0, each),
          advance(input, VECTOR_BYTES),
          advance(output, VECTOR_BYTES),
        ),
      ];
    },
  };
}

/**
 * Rounds to halves. Adding 3 x 2^22 times the spacing of halves makes that the spacing of float32 at the sum, so the
 * addition rounds as wanted. The spacing is 2^-10 times a value's power of two, which is its bit pattern without the
 * fraction.
 */
function nearestHalf(f: FunctionBuilder, x: Code): { before: Code; each: Code } {
  const constants = constantVectors(f);
  const exponent = constants.of(0x7f80_0000);
  // Below 2^-14, halves keep the spacing at 2^-14. From 2^15 on, the spacing at 2^15 is fine enough: the nearest half
  // is infinity, or x is close enough to it.
  const least = constants.of(0x3880_0000);
  const most = constants.of(0x4700_0000);
  const toAnchor = constants.of((13 << 23) | 0x40_0000);
  const sign = constants.of(0x8000_0000);
  const up = constants.of(bitsOf(2 ** 112));
  const down = constants.of(bitsOf(2 ** -112));
  const anchor = f.vectors(1)[0] as number;
  const power = minimumInteger(maximumInteger(and(x, exponent), least), most);
  const rounded = subtract(add(x, get(anchor)), get(anchor));
  // Values of 65536 or more overflow float32 and stay infinite.
  const overflowed = multiply(multiply(rounded, up), down);
  return {
    before: constants.before(),
    // The difference of equal values is +0, regardless of the sign of x.
    each: [...set(anchor, addIntegers(power, toAnchor)), ...or(overflowed, and(x, sign))],
  };
}

/**
 * Rounds the bits to bfloat16: adds just under half of the dropped part, and one more if the lowest remaining bit is
 * odd.
 */
function nearestBfloat16(f: FunctionBuilder, x: Code): { before: Code; each: Code } {
  const constants = constantVectors(f);
  const one = constants.of(1);
  const belowHalf = constants.of(0x7fff);
  const kept = constants.of(0xffff_0000);
  const odd = and(shiftRight(x, 16), one);
  const rounded = and(addIntegers(addIntegers(x, belowHalf), odd), kept);
  // The carry could turn a NaN into another value. All ones is a NaN.
  return { before: constants.before(), each: or(rounded, notEqual(x, x)) };
}

/** Vectors of four equal words in locals, which `before` sets. The loop reads them from registers. */
function constantVectors(f: FunctionBuilder) {
  const settings: Code[] = [];
  return {
    of: (bits: number): Code => {
      const local = f.vectors(1)[0] as number;
      settings.push(set(local, splat(bits)));
      return get(local);
    },
    before: (): Code => settings.flat(),
  };
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] as number;
}
