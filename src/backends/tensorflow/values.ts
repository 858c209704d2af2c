import type * as tf from '@tensorflow/tfjs-core';
import { NATIVE_TYPE, type NativeValues, type StoredType } from './binding';
import type { Attributes } from './recording';

/** Numbers that are converted to a tensor. */
export type Constant = { readonly shape: number[] } & (
  | { readonly integers: readonly number[] }
  | { readonly floats: readonly number[]; readonly type?: StoredType }
  /** Many numbers, computed once per name. */
  | { readonly name: string; readonly floats: () => readonly number[]; readonly type?: StoredType }
);

/** Returns a key. Constants with the same key are equal. */
export function keyOf(constant: Constant): string {
  if ('integers' in constant) return `${constant.shape}:${constant.integers}`;
  const { shape, type } = constant;
  return `${shape}:${type}:${'name' in constant ? constant.name : constant.floats}`;
}

export function numbersOf({
  floats,
}: Exclude<Constant, { readonly integers: readonly number[] }>): Float32Array {
  return Float32Array.from(typeof floats === 'function' ? floats() : floats);
}

export function fromFloat32(type: StoredType): Attributes {
  return { SrcT: { type: NATIVE_TYPE.float32 }, DstT: { type }, Truncate: false };
}

/** Converts values to the array type that the binding takes for their type. */
export function nativeValues(
  values: tf.BackendValues,
  dtype: tf.DataType,
): { type: StoredType; array: NativeValues } {
  const numbers = values as ArrayLike<number>;
  switch (dtype) {
    case 'float32':
      return {
        type: NATIVE_TYPE.float32,
        array: values instanceof Float32Array ? values : Float32Array.from(numbers),
      };
    case 'int32':
      return {
        type: NATIVE_TYPE.int32,
        array: values instanceof Int32Array ? values : Int32Array.from(numbers),
      };
    case 'bool':
      return {
        type: NATIVE_TYPE.bool,
        array: values instanceof Uint8Array ? values : Uint8Array.from(numbers),
      };
    default:
      throw new Error(`TensorFlow's engine has no tensors of type ${dtype}`);
  }
}
