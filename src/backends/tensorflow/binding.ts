import { createRequire } from 'node:module';

/**
 * The addon of `@tensorflow/tfjs-node` (its binding/*.cc), a thin layer over TensorFlow's C API for eager execution. A
 * tensor is a number that stays valid until `deleteTensor`. Ops run immediately, on the GPU if the library found one.
 */
export interface Binding {
  /** Version of the library that the addon wraps. */
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  /** The tensor uses the array's memory, which must not change during the tensor's lifetime. */
  createTensor(shape: readonly number[], type: number, values: NativeValues): number;
  deleteTensor(id: number): void;
  /** Returns a copy of the values. Types without a JavaScript array type cannot be read. */
  tensorDataSync(id: number): NativeValues;
  /** `type` is TensorFlow's number, even if the binding has no name for it. */
  executeOp(
    name: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): { readonly id: number; readonly shape: number[]; readonly dtype: number }[];
  isUsingGpuDevice(): boolean;
  /** Opens a session for the graph in a folder's `saved_model.pb`. */
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  /** Number of open sessions. */
  getNumOfSavedModels(): number;
  /** `inputNames` and `outputNames` are comma-separated tensor names. Tensors on a GPU are copied. */
  runSavedModel(
    session: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): { readonly id: number; readonly shape: number[]; readonly dtype: number }[];
  getNumOfTensors(): number;
}

export type NativeValues = Float32Array | Int32Array | Uint8Array;

export interface NativeAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: string | number | boolean | readonly number[];
}

/** TensorFlow's numbers of the types we use (tensorflow/c/tf_datatype.h). */
export const NATIVE_TYPE = { float32: 1, int32: 3, bool: 10, bfloat16: 14, float16: 19 } as const;

/** The type of a tensor in the library's memory, as TensorFlow's number. */
export type StoredType = (typeof NATIVE_TYPE)[keyof typeof NATIVE_TYPE];

/**
 * Loads an addon and the library it depends on into this process.
 *
 * @throws the error of the dynamic linker
 */
export function loadBinding(addonPath: string): Binding {
  // The library prints a banner to stderr when it loads. Its errors arrive as exceptions anyway.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  return createRequire(__filename)(addonPath) as Binding;
}
