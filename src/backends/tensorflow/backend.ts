import * as tf from '@tensorflow/tfjs-core';
import { isOutOfMemory } from '../../system/errors';
import type { CompiledInfo, CompilingBackend } from '../compiling';
import { HALF_FORMATS, type HalfFormat } from '../precision/formats';
import { type Binding, NATIVE_TYPE, type NativeAttribute, type StoredType } from './binding';
import { Program } from './program';
import {
  type Attribute,
  type Attributes,
  type RecordedGraph,
  Recording,
  UnrecordableError,
} from './recording';
import { type Constant, fromFloat32, keyOf, nativeValues, numbersOf } from './values';

interface Stored {
  /** The binding's tensor. Null while only the variable holds the data. */
  id: number | null;
  /** The binding's handle of a variable that shares the tensor's data, after an op changed it in place. */
  variable: number | null;
  readonly shape: readonly number[];
  readonly type: StoredType;
  /** Whether the data is in a JavaScript array, which the library must not change. */
  readonly isBorrowed: boolean;
  references: number;
}

/** An input: a tensor, or numbers to convert to one. */
export type Input = tf.TensorInfo | Constant;

/** The TensorFlow.js type that JavaScript sees for each of the library's tensor types. */
const SEEN_AS: Record<StoredType, tf.DataType> = {
  [NATIVE_TYPE.float32]: 'float32',
  [NATIVE_TYPE.int32]: 'int32',
  [NATIVE_TYPE.bool]: 'bool',
  [NATIVE_TYPE.bfloat16]: 'float32',
  [NATIVE_TYPE.float16]: 'float32',
};

/** The name of a variable that is deleted with its last handle (tensorflow/core/framework/resource_handle.h). */
const ANONYMOUS = 'cd2c89b7-88b7-44c8-ad83-06c2a9158347';

/** Maximum number of cached constants. More than the shapes, axes and factors of any network. */
const MAX_CONSTANTS = 4096;

/**
 * TensorFlow.js on top of TensorFlow's own library, through the addon of `@tensorflow/tfjs-node`.
 *
 * The JavaScript of that package is not used. It brings a second TensorFlow.js with incompatible tensors, and it calls
 * Node functions that were removed in Node 23. It also rejects the half formats, which the library supports. Here a
 * tensor that JavaScript sees as float32 may be stored in any format, and an op runs in the format of its inputs.
 */
export class TensorflowBackend extends tf.KernelBackend implements CompilingBackend {
  readonly #stored = new WeakMap<object, Stored>();
  readonly #constants = new Map<string, number>();
  /** Ops that this build of the library lacks. */
  readonly #unknown = new Set<string>();
  #count = 0;
  readonly isOnGpu: boolean;
  /**
   * The half formats it computes in natively. The others are emulated: stored as float32, rounded to the format's
   * values.
   */
  halfFormats: readonly HalfFormat[] = HALF_FORMATS;
  /** Whether a graph may compute in a half format. If false, ops run one by one. */
  compilesHalves = true;
  /** The computation being compiled. */
  #recording: Recording | null = null;
  /** Called with every op as it runs. For measurements. */
  onRun: ((op: string, attributes: Attributes) => void) | null = null;

  constructor(readonly binding: Binding) {
    super();
    this.isOnGpu = binding.isUsingGpuDevice();
  }

  /** Runs an op with one output. The caller owns the output. */
  run(op: string, attributes: Attributes, inputs: readonly Input[]): tf.TensorInfo {
    return this.runAll(op, attributes, inputs, 1)[0] as tf.TensorInfo;
  }

  /** Runs an op with several outputs. The caller owns them. */
  runAll(op: string, attributes: Attributes, inputs: readonly Input[], outputs: number): tf.TensorInfo[] {
    if (this.#constants.size > MAX_CONSTANTS) this.dispose();
    this.onRun?.(op, attributes);
    const made = this.binding
      .executeOp(op, this.#named(attributes), this.#idsOf(inputs), outputs)
      .map(({ id, shape, dtype }) => this.#own(id, shape, dtype as StoredType));
    this.#record(op, attributes, inputs, made);
    return made;
  }

  /** Like `runAll`, for an op that some builds of the library lack. Returns null if this build lacks it. */
  runAllIfKnown(...call: Parameters<TensorflowBackend['runAll']>): tf.TensorInfo[] | null {
    const [op] = call;
    if (this.#unknown.has(op)) return null;
    try {
      return this.runAll(...call);
    } catch (error) {
      if (!isUnknownOp(error)) throw error;
      this.#unknown.add(op);
      return null;
    }
  }

  /**
   * Returns the tensor in a form that `change` may overwrite: the same data, which the previous owner must not read
   * again, or a copy if others hold it too. The caller owns the result.
   */
  changeable(tensor: tf.TensorInfo): tf.TensorInfo {
    const { references, isBorrowed, type } = this.#found(tensor.dataId);
    if (references === 1 && !isBorrowed) return this.share(tensor);
    return this.run('Mul', { T: { type } }, [tensor, { floats: [1], shape: [], type }]);
  }

  /**
   * Runs one of TensorFlow's ops on variables. The op changes its first inputs in place: these must come from
   * `changeable`.
   */
  change(
    op: string,
    attributes: Attributes,
    changed: readonly tf.TensorInfo[],
    inputs: readonly Input[],
  ): void {
    this.#recording?.refuse(`${op} changes a tensor`);
    this.onRun?.(op, attributes);
    const stored = changed.map(({ dataId }) => this.#found(dataId));
    const ids = [...stored.map((each) => this.#variable(each)), ...this.#idsOf(inputs)];
    // The op copies the data of a variable if anything else references it.
    for (const each of stored) this.#letGo(each);
    this.binding.executeOp(op, this.#named(attributes), ids, 0);
  }

  /** Compiles on the CPU only: a session takes its inputs from CPU memory and returns its outputs there. */
  compile(inputs: readonly tf.TensorInfo[], compute: () => readonly tf.TensorInfo[]): CompiledInfo | null {
    if (this.isOnGpu) return null;
    let program: Program | null = null;
    try {
      const graph = this.#recorded(inputs, compute);
      if (!this.compilesHalves && isInHalf(graph)) return null;
      program = new Program(this.binding, graph);
      const compiled = this.#compiled(
        program,
        inputs.map((input) => this.typeOf(input)),
      );
      // If the library accepts a graph but cannot run it, the first run fails.
      this.release(...compiled.run(inputs));
      return compiled;
    } catch (error) {
      program?.dispose();
      if (!isRefusal(error)) throw error;
      return null;
    }
  }

  #recorded(inputs: readonly tf.TensorInfo[], compute: () => readonly tf.TensorInfo[]): RecordedGraph {
    const recording = new Recording();
    for (const { dataId, shape } of inputs) recording.addInput(dataId, this.#found(dataId).type, shape);
    this.#recording = recording;
    try {
      return recording.finish(compute().map(({ dataId }) => dataId));
    } finally {
      this.#recording = null;
    }
  }

  /** Wraps a program. Inputs are converted to the formats it was compiled for. */
  #compiled(program: Program, types: readonly StoredType[]): CompiledInfo {
    return {
      run: (inputs) => {
        const given = inputs.map((input, index) => this.convert(input, types[index] as StoredType));
        const outputs = program.run(this.#idsOf(given));
        this.release(...given);
        return outputs.map(({ id, shape, dtype }) => this.#own(id, shape, dtype as StoredType));
      },
      dispose: () => program.dispose(),
    };
  }

  #record(
    op: string,
    attributes: Attributes,
    inputs: readonly Input[],
    outputs: readonly tf.TensorInfo[],
  ): void {
    const recording = this.#recording;
    recording?.addOp(
      op,
      attributes,
      inputs.map((input) => {
        if ('dataId' in input) return { tensor: input.dataId };
        const { shape } = input;
        const key = keyOf(input);
        if ('integers' in input) {
          return recording.constant(key, NATIVE_TYPE.int32, shape, Int32Array.from(input.integers));
        }
        const { type = NATIVE_TYPE.float32 } = input;
        const isWide = type === NATIVE_TYPE.float32;
        const values = numbersOf(input);
        return recording.constant(key, NATIVE_TYPE.float32, shape, values, isWide ? null : fromFloat32(type));
      }),
      outputs.map(({ dataId }) => dataId),
    );
  }

  /** Returns the format that a tensor is stored in. */
  typeOf({ dataId }: tf.TensorInfo): StoredType {
    return this.#found(dataId).type;
  }

  /**
   * Returns the tensor in another format: converted, or the same tensor with another reference. The caller owns it
   * either way.
   */
  convert(x: tf.TensorInfo, type: StoredType): tf.TensorInfo {
    const from = this.typeOf(x);
    if (from === type) return this.share(x);
    return this.run('Cast', { SrcT: { type: from }, DstT: { type }, Truncate: false }, [x]);
  }

  /** Returns another reference to the same data. */
  share({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo {
    this.incRef(dataId);
    return { dataId, shape, dtype };
  }

  /** Releases tensors that `run` returned. */
  release(...tensors: readonly tf.TensorInfo[]): void {
    for (const { dataId } of tensors) this.disposeData(dataId);
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.#create(values, shape, dtype, 1);
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    this.#create(values, shape, dtype, references, dataId);
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  override readSync(dataId: object): tf.BackendValues {
    const stored = this.#found(dataId);
    const { type } = stored;
    if (type !== NATIVE_TYPE.float16 && type !== NATIVE_TYPE.bfloat16) {
      return this.binding.tensorDataSync(this.#idOf(stored));
    }
    const widened = this.convert({ dataId, shape: [], dtype: 'float32' }, NATIVE_TYPE.float32);
    const values = this.readSync(widened.dataId);
    this.release(widened);
    return values;
  }

  override disposeData(dataId: object, force = false): boolean {
    const stored = this.#stored.get(dataId);
    if (!stored) return true;
    stored.references--;
    if (!force && stored.references > 0) return false;
    for (const id of [stored.id, stored.variable]) if (id !== null) this.binding.deleteTensor(id);
    this.#stored.delete(dataId);
    this.#count--;
    return true;
  }

  override refCount(dataId: tf.DataId): number {
    return this.#stored.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: tf.DataId): void {
    this.#found(dataId).references++;
  }

  override numDataIds(): number {
    return this.#count;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  override async time(work: () => void): Promise<tf.BackendTimingInfo> {
    const start = performance.now();
    work();
    return { kernelMs: performance.now() - start };
  }

  override dispose(): void {
    for (const id of this.#constants.values()) this.binding.deleteTensor(id);
    this.#constants.clear();
  }

  #create(
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
    dataId: object = {},
  ): object {
    const { type, array } = nativeValues(values, dtype);
    const id = this.binding.createTensor(shape, type, array);
    this.#stored.set(dataId, { id, variable: null, shape, type, isBorrowed: true, references });
    this.#count++;
    this.#recording?.addTensor(dataId, type, shape, array);
    return dataId;
  }

  #own(id: number, shape: number[], type: StoredType): tf.TensorInfo {
    const dataId = {};
    this.#stored.set(dataId, { id, variable: null, shape, type, isBorrowed: false, references: 1 });
    this.#count++;
    return { dataId, shape, dtype: SEEN_AS[type] };
  }

  #idsOf(inputs: readonly Input[]): number[] {
    return inputs.map((input) =>
      'dataId' in input ? this.#idOf(this.#found(input.dataId)) : this.#constant(input),
    );
  }

  #idOf(stored: Stored): number {
    if (stored.id === null) {
      const [read] = this.binding.executeOp(
        'ReadVariableOp',
        [this.#attribute('dtype', { type: stored.type })],
        [stored.variable as number],
        1,
      );
      stored.id = (read as { id: number }).id;
    }
    return stored.id;
  }

  /** Returns the handle of a variable that holds the tensor's data. */
  #variable(stored: Stored): number {
    if (stored.variable !== null) return stored.variable;
    const dtype = this.#attribute('dtype', { type: stored.type });
    const [handle] = this.binding.executeOp(
      'VarHandleOp',
      [
        dtype,
        { name: 'shape', type: this.binding.TF_ATTR_SHAPE, value: stored.shape },
        this.#attribute('shared_name', ANONYMOUS),
      ],
      [],
      1,
    );
    stored.variable = (handle as { id: number }).id;
    this.binding.executeOp('AssignVariableOp', [dtype], [stored.variable, this.#idOf(stored)], 0);
    return stored.variable;
  }

  /** Drops the tensor, so that only the variable holds the data. */
  #letGo(stored: Stored): void {
    if (stored.id !== null) this.binding.deleteTensor(stored.id);
    stored.id = null;
  }

  #found(dataId: object): Stored {
    const stored = this.#stored.get(dataId);
    if (!stored) throw new Error('The tensor is disposed');
    return stored;
  }

  #constant(constant: Constant): number {
    const key = keyOf(constant);
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const id = this.#newConstant(constant);
    this.#constants.set(key, id);
    return id;
  }

  #newConstant(constant: Constant): number {
    const { binding } = this;
    const { shape } = constant;
    if ('integers' in constant) {
      return binding.createTensor(shape, NATIVE_TYPE.int32, Int32Array.from(constant.integers));
    }
    const { type = NATIVE_TYPE.float32 } = constant;
    const id = binding.createTensor(shape, NATIVE_TYPE.float32, numbersOf(constant));
    if (type === NATIVE_TYPE.float32) return id;
    const [converted] = binding.executeOp('Cast', this.#named(fromFloat32(type)), [id], 1);
    binding.deleteTensor(id);
    return (converted as { id: number }).id;
  }

  #named(attributes: Attributes): NativeAttribute[] {
    return Object.entries(attributes).map(([name, value]) => this.#attribute(name, value));
  }

  #attribute(name: string, value: Attribute): NativeAttribute {
    const { binding } = this;
    if (typeof value === 'string') return { name, type: binding.TF_ATTR_STRING, value };
    if (typeof value === 'boolean') return { name, type: binding.TF_ATTR_BOOL, value };
    if ('int' in value) return { name, type: binding.TF_ATTR_INT, value: value.int };
    if ('float' in value) return { name, type: binding.TF_ATTR_FLOAT, value: value.float };
    if ('type' in value) return { name, type: binding.TF_ATTR_TYPE, value: value.type };
    return { name, type: binding.TF_ATTR_INT, value };
  }
}

/** Returns whether an op of a graph computes in a half format. An op that converts has no type `T`. */
function isInHalf({ nodes }: RecordedGraph): boolean {
  const halves: readonly unknown[] = [NATIVE_TYPE.bfloat16, NATIVE_TYPE.float16];
  return nodes.some((node) => {
    const type = node.kind === 'op' ? node.attributes.T : undefined;
    return typeof type === 'object' && 'type' in type && halves.includes(type.type);
  });
}

/**
 * Returns whether a computation cannot be a graph, the library cannot load or run it as one, or there is no space for
 * its file. Running out of memory does not count.
 */
function isRefusal(error: unknown): boolean {
  if (error instanceof UnrecordableError) return true;
  if (error instanceof Error && 'syscall' in error) return true;
  const text = error instanceof Error ? error.message : '';
  return /^(Failed to load SavedModel|Session fail to run)/.test(text) && !isOutOfMemory(text);
}

/**
 * Returns whether the library reports that it lacks this op (TF_NOT_FOUND), either altogether or for this device or
 * format.
 */
function isUnknownOp(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return /TF_Status: 5\b|Could not find device for node|No OpKernel/.test(text);
}
