import * as tf from '@tensorflow/tfjs-core';
import type { OwnKernelName, OwnKernels } from '../ownKernels';
import { advance, type Code, type FunctionSource, get, load, loadSplat, set, store } from './assembler';
import { FLOAT_BYTES, heapOf, LANES, VECTOR_BYTES } from './heap';
import { register } from './register';

/** A kernel's inputs and its number of outputs, all of the same shape. */
export interface Signature<Input extends string, Scalar extends string> {
  readonly inputs: readonly Input[];
  readonly scalars: readonly Scalar[];
  readonly outputs: number;
  /**
   * For each output, the input whose memory it may reuse because nothing reads that input again, or null. The memory is
   * reused only if no other tensor shares the values. Not allowed for an input that serves as a filter or matrix,
   * because XNNPACK keeps packed copies of those.
   */
  readonly replaced?: readonly (Input | null)[];
}

/**
 * Builds a function over all vectors. Its parameters: the address of the scalars, each input, each output, and the
 * number of vectors.
 */
export function everyVector<Input extends string, Scalar extends string>(
  { inputs, scalars, outputs }: Signature<Input, Scalar>,
  compute: (values: Record<Input | Scalar, Code>, keep: (value: Code) => Code) => readonly Code[],
): FunctionSource {
  return {
    parameters: 1 + inputs.length + outputs + 1,
    body: (f, scalarsAddress, ...rest) => {
      const [addresses, vectors] = [rest.slice(0, -1), rest.at(-1) as number];
      const once: Code[] = [];
      const each: Code[] = [];
      const into = (place: Code[]) => (value: Code) => {
        const local = f.vectors(1)[0] as number;
        place.push(set(local, value));
        return get(local);
      };
      const values = Object.fromEntries([
        ...scalars.map((name, index) => [name, into(once)(loadSplat(scalarsAddress, index * FLOAT_BYTES))]),
        ...inputs.map((name, index) => [name, into(each)(load(addresses[index] as number, 0))]),
      ]) as Record<Input | Scalar, Code>;
      const results = compute(values, into(each)).map((result, index) =>
        store(addresses[inputs.length + index] as number, 0, result),
      );
      const advances = addresses.map((address) => advance(address, VECTOR_BYTES));
      return [...once.flat(), ...f.repeat({ local: vectors }, ...each, ...results, ...advances)];
    },
  };
}

/** The names of a kernel's inputs. */
type InputOf<Name extends OwnKernelName> = keyof OwnKernels[Name]['inputs'] & string;

/** Returns the value of a scalar input, or null if it is absent. */
type ScalarOf<Input> = (name: Input) => number | null;

interface Computation<Scalar extends string> {
  /** A function built by `everyVector`. */
  readonly compute: (...parameters: number[]) => void;
  readonly scalars: Readonly<Record<Scalar, number>>;
}

/**
 * Registers a kernel of the wasm backend: one pass over tensors of the same shape, with a function built by
 * `everyVector`.
 */
export function registerElementwise<Name extends OwnKernelName, Scalar extends string>(
  kernelName: Name,
  { inputs: names, scalars: scalarNames, outputs: count, replaced = [] }: Signature<InputOf<Name>, Scalar>,
  choose: (
    attributes: OwnKernels[Name]['attributes'],
    scalarOf: ScalarOf<InputOf<Name>>,
  ) => Computation<Scalar>,
): void {
  register(kernelName, ({ inputs, attributes, backend }) => {
    const tensors = inputs as Partial<Record<InputOf<Name>, tf.TensorInfo>>;
    const { addressOf, valuesOf } = heapOf(backend);
    const { compute, scalars } = choose(attributes, (name) => {
      const scalar = tensors[name];
      return scalar ? (valuesOf(scalar)[0] as number) : null;
    });
    const given = names.map((name) => tensors[name] as tf.TensorInfo);
    const { shape } = given[0] as tf.TensorInfo;
    const made = Array.from({ length: count }, (_, index) => {
      const name = replaced[index];
      const input = name ? tensors[name] : undefined;
      if (!input || backend.refCount(input.dataId) > 1) return backend.makeOutput(shape, 'float32');
      backend.incRef(input.dataId);
      return { dataId: input.dataId, shape, dtype: 'float32' as const };
    });
    const size = tf.util.sizeFromShape(shape);
    // The scalars, then space for the last values, which do not fill a vector.
    const scratch = backend.makeOutput([scalarNames.length + (given.length + count) * LANES], 'float32');
    valuesOf(scratch).set(scalarNames.map((name) => scalars[name]));
    const all = [...given, ...made];
    const whole = Math.floor(size / LANES);
    if (whole > 0) compute(addressOf(scratch), ...all.map(addressOf), whole);
    const rest = size % LANES;
    if (rest > 0) {
      const place = (index: number) => scalarNames.length + index * LANES;
      for (const [index, tensor] of given.entries()) {
        valuesOf(scratch).set(valuesOf(tensor).subarray(size - rest), place(index));
      }
      const places = all.map((_, index) => addressOf(scratch) + place(index) * FLOAT_BYTES);
      compute(addressOf(scratch), ...places, 1);
      for (const [index, tensor] of made.entries()) {
        const from = place(given.length + index);
        valuesOf(tensor).set(valuesOf(scratch).subarray(from, from + rest), size - rest);
      }
    }
    backend.disposeData(scratch.dataId);
    return count === 1 ? (made[0] as tf.TensorInfo) : made;
  });
}
