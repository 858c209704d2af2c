import { createRequire } from 'node:module';

/**
 * The addon of `@tensorflow/tfjs-node` (its binding/*.cc), a thin layer over TensorFlow's C API for eager
 * execution. A tensor is a number, which stays valid until `deleteTensor`; ops run at once, on the GPU where the
 * library found one.
 */
export interface Binding {
  /** Version of the library behind the addon. */
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
  /** The tensor uses the array's memory, which must not change as long as the tensor lives. */
  createTensor(shape: readonly number[], type: number, values: NativeValues): number;
  deleteTensor(id: number): void;
  /** A copy of the values. Types that JavaScript has no array for cannot be read. */
  tensorDataSync(id: number): NativeValues;
  /** `type` is TensorFlow's number, whether or not the binding has a name for it. */
  executeOp(
    name: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): { readonly id: number; readonly shape: number[]; readonly dtype: number }[];
  isUsingGpuDevice(): boolean;
  /** A session of the graph in a folder's `saved_model.pb`. */
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  /** How many sessions there are. */
  getNumOfSavedModels(): number;
  /** `inputNames` and `outputNames` are names of tensors with commas between. Tensors on a GPU are copied. */
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

/** TensorFlow's numbers of the types in use (tensorflow/c/tf_datatype.h). */
export const NATIVE_TYPE = { float32: 1, int32: 3, bool: 10, bfloat16: 14, float16: 19 } as const;

/** How a tensor's numbers lie in the library's memory: TensorFlow's number of the type. */
export type StoredType = (typeof NATIVE_TYPE)[keyof typeof NATIVE_TYPE];

/**
 * Loads an addon into this process, with the library it stands on.
 *
 * @throws the system's linker's error
 */
export function loadBinding(addonPath: string): Binding {
  // The library greets on standard error as it loads; what it has to say of errors comes as exceptions.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  return createRequire(__filename)(addonPath) as Binding;
}
