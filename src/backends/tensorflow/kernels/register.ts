import * as tf from '@tensorflow/tfjs-core';
import type { Input, TensorflowBackend } from '../backend';
import { NATIVE_TYPE, type StoredType } from '../binding';
import type { AttributesOf } from './attributes';

export const BACKEND_NAME = 'tensorflow';

/** A kernel's arguments: its inputs by name, or by index if it takes a list, and its attributes. */
export interface Call<Name extends string = string> {
  readonly backend: TensorflowBackend;
  readonly inputs: tf.NamedTensorInfoMap;
  readonly attrs: AttributesOf<Name>;
}

/** Registers a TensorFlow.js kernel, or one of our own that ../../../training/ops requests. */
export function register<Name extends string>(
  kernelName: Name,
  compute: (call: Call<Name>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  tf.registerKernel({
    kernelName,
    backendName: BACKEND_NAME,
    kernelFunc: ({ inputs, attrs, backend }) =>
      // Callers of a kernel with this name pass these attributes.
      compute({ inputs, attrs: attrs as AttributesOf<Name>, backend: backend as TensorflowBackend }),
  });
}

/** Returns a required input of the kernel. */
export function given({ inputs }: Call, name: string | number): tf.TensorInfo {
  const tensor = inputs[name];
  if (!tensor) throw new Error(`The kernel's input ${name} is missing`);
  return tensor;
}

/** Returns all inputs of a kernel that takes a list. */
export function listed({ inputs }: Call): tf.TensorInfo[] {
  return Object.values(inputs).filter((tensor) => tensor !== undefined);
}

/**
 * Calls `compute` with the tensors in one format, and with that format. It is a half format only if all tensors have
 * it.
 */
export function inOneFormat<Result>(
  backend: TensorflowBackend,
  tensors: readonly tf.TensorInfo[],
  compute: (type: StoredType, tensors: readonly tf.TensorInfo[]) => Result,
): Result {
  const types = tensors.map((tensor) => backend.typeOf(tensor));
  const [first = NATIVE_TYPE.float32] = types;
  if (types.every((type) => type === first)) return compute(first, tensors);
  return converted(backend, tensors, NATIVE_TYPE.float32, (same) => compute(NATIVE_TYPE.float32, same));
}

/** Calls `compute` with half-format tensors widened to float32. The others pass unchanged. */
export function widened<Result>(
  backend: TensorflowBackend,
  tensors: readonly tf.TensorInfo[],
  compute: (type: StoredType, tensors: readonly tf.TensorInfo[]) => Result,
): Result {
  const isHalf = (type: StoredType) => type === NATIVE_TYPE.float16 || type === NATIVE_TYPE.bfloat16;
  if (!tensors.some((tensor) => isHalf(backend.typeOf(tensor))))
    return inOneFormat(backend, tensors, compute);
  return converted(backend, tensors, NATIVE_TYPE.float32, (same) => compute(NATIVE_TYPE.float32, same));
}

/** Calls `compute` with the tensors converted to a format, and releases the converted ones afterwards. */
export function converted<Result>(
  backend: TensorflowBackend,
  tensors: readonly tf.TensorInfo[],
  type: StoredType,
  compute: (tensors: readonly tf.TensorInfo[]) => Result,
): Result {
  const same = tensors.map((tensor) => backend.convert(tensor, type));
  try {
    return compute(same);
  } finally {
    backend.release(...same);
  }
}

/** Makes an input of integers, of shape [count]. */
export function integers(values: readonly number[]): Input {
  return { integers: values, shape: [values.length] };
}

/** Makes a scalar input. */
export function scalar(value: number, type: StoredType): Input {
  return type === NATIVE_TYPE.int32 ? { integers: [value], shape: [] } : { floats: [value], shape: [], type };
}

/** The attribute that names the type of an op's index inputs. */
export const INT32 = { type: NATIVE_TYPE.int32 } as const;
