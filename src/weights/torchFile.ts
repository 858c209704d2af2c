import {
  PickleDict,
  PickleError,
  PickleGlobal,
  PickleObject,
  PicklePersistent,
  type PickleValue,
  pickleText,
  readPickle,
  readPickleAt,
} from '../shared/pickle/pickle';
import { bytesPerValue, type Dtype, float32Values } from '../shared/safetensors';
import { WeightsError } from './weightsError';
import { isZip, zipRecords } from './zip';

/**
 * Reads torch.save files in both formats: the zip archive of PyTorch 1.6 and later, and the earlier sequence of pickles
 * (torch/serialization.py). Executes nothing. Of the calls in a file, only those that build tensors and parameters are
 * interpreted. All others stay inert.
 */

/** The content of a torch.save file, reduced to weights. Numbers, text and objects are null. */
export type TorchValue = TorchTensor | TorchMapping | null;
export type TorchMapping = ReadonlyMap<string, TorchValue>;

/** A tensor: a part of a storage, which several tensors may share. */
export interface TorchTensor {
  readonly shape: readonly number[];
  /** @throws WeightsError if its storage does not contain it, or its type is not supported */
  read(): Float32Array;
}

export function isTorchTensor(value: TorchValue | undefined): value is TorchTensor {
  return value != null && !(value instanceof Map);
}

export function isTorchMapping(value: TorchValue | undefined): value is TorchMapping {
  return value instanceof Map;
}

/** The pickled integer at the start of an old-format file, after the protocol: 0x1950a86a20f9469cfc6c. */
const LEGACY_START = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const LEGACY_PROTOCOL = 1001;
/** The maximum nesting depth to read, because a mapping may contain itself. */
const MAX_DEPTH = 32;
/** The maximum number of values to read. A value that a pickle references many times counts each time. */
const MAX_VALUES = 10_000_000;

/** Whether bytes start like a torch.save file. */
export function isTorchFile(bytes: Uint8Array): boolean {
  return isZip(bytes) || isLegacy(bytes);
}

function isLegacy(bytes: Uint8Array): boolean {
  return LEGACY_START.every((byte, index) => bytes[index] === byte);
}

/**
 * Reads a torch.save file.
 *
 * @throws WeightsError
 */
export function readTorchFile(bytes: Uint8Array): TorchValue {
  try {
    return isZip(bytes) ? readZipFormat(bytes) : readLegacyFormat(bytes);
  } catch (error) {
    if (error instanceof PickleError) throw new WeightsError(error.message, { cause: error });
    throw error;
  }
}

/** Returns the bytes of a storage by key; undefined if there is none. */
type Storages = (key: string) => Uint8Array | undefined;

function readZipFormat(bytes: Uint8Array): TorchValue {
  const records = zipRecords(bytes);
  const pickle = [...records.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined)
    throw new WeightsError('it is a zip archive without data.pkl, so not of torch.save');
  const folder = pickle.slice(0, -'data.pkl'.length);
  if (records.has(`${folder}constants.pkl`)) {
    throw new WeightsError('it is a program of TorchScript; save the state_dict() of the model instead');
  }
  const order = new TextDecoder().decode(records.get(`${folder}byteorder`)?.read() ?? new Uint8Array());
  if (order.trim() === 'big') throw bigEndian();
  const value = readPickle(records.get(pickle)?.read() ?? new Uint8Array());
  return new Unpickled((key) => records.get(`${folder}data/${key}`)?.read()).read(value);
}

function readLegacyFormat(bytes: Uint8Array): TorchValue {
  let end = 0;
  const next = () => {
    const read = readPickleAt(bytes, end);
    end = read.end;
    return read.value;
  };
  next();
  if (next() !== LEGACY_PROTOCOL) throw new WeightsError('it is of another format than torch.save writes');
  const system = next();
  if (system instanceof PickleDict && system.get('little_endian') === false) throw bigEndian();
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new WeightsError('its list of storages is damaged');
  const sizes = legacyValueBytes(value);
  const storages = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys.map(pickleText)) {
    const valueBytes = sizes.get(key ?? '');
    if (key === null || valueBytes === undefined) throw new WeightsError('its list of storages is damaged');
    if (end + 8 > bytes.length) throw new WeightsError(`it ends before storage ${key}`);
    const length = Number(view.getBigInt64(end, true)) * valueBytes;
    end += 8;
    if (length < 0 || length > bytes.length - end) throw new WeightsError(`it ends within storage ${key}`);
    storages.set(key, bytes.subarray(end, end + length));
    end += length;
  }
  return new Unpickled((key) => storages.get(key)).read(value);
}

function bigEndian(): WeightsError {
  return new WeightsError('it was written on a big-endian machine; load it there and save it as safetensors');
}

/** Returns the bytes per value of each storage that a pickle names, by key. Visits each value once. */
function legacyValueBytes(root: PickleValue): Map<string, number> {
  const sizes = new Map<string, number>();
  const seen = new Set<PickleValue>();
  const waiting: PickleValue[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || seen.has(value))
      continue;
    seen.add(value);
    if (value instanceof PicklePersistent) {
      const storage = storageOf(value);
      if (storage) sizes.set(storage.key, storage.dtype ? bytesPerValue(storage.dtype) : storage.valueBytes);
      // A module is stored together with its source text.
      else waiting.push(value.id);
    } else if (Array.isArray(value)) {
      for (const item of value) waiting.push(item);
    } else if (value instanceof PickleDict) {
      for (const [, item] of value.entries) waiting.push(item);
    } else if (value instanceof PickleObject) {
      for (const item of value.args) waiting.push(item);
      for (const item of value.items) waiting.push(item);
      for (const [, item] of value.entries) waiting.push(item);
      if (value.state !== undefined) waiting.push(value.state);
    }
  }
  return sizes;
}

/** By the names of PyTorch's storages and types. */
const DTYPES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
};

/** Bytes per value of storages with unsupported types. Needed to find the storages after them. */
const OTHER_VALUE_BYTES: Readonly<Record<string, number>> = {
  ComplexFloatStorage: 8,
  ComplexDoubleStorage: 16,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QInt32Storage: 4,
};

interface Storage {
  readonly key: string;
  /** For example `FloatStorage`. */
  readonly type: string;
  /** Null if its value type is not supported, or is specified by the tensor. */
  readonly dtype: Dtype | null;
  readonly valueBytes: number;
  /** The number of leading values that a view of it skips. */
  readonly first: number;
}

/**
 * Parses ('storage', type, key, location, values). In the old format, it also has a view: (its key, first value,
 * values).
 */
function storageOf({ id }: PicklePersistent): Storage | null {
  if (!Array.isArray(id) || pickleText(id[0]) !== 'storage') return null;
  const [, type, key, , , view] = id;
  const name = pickleText(key);
  if (!(type instanceof PickleGlobal) || name === null) return null;
  const first = Array.isArray(view) ? view[1] : 0;
  if (!isCount(first)) return null;
  return {
    key: name,
    type: type.name,
    dtype: DTYPES[type.name] ?? null,
    valueBytes: OTHER_VALUE_BYTES[type.name] ?? 1,
    first,
  };
}

/** Reads tensors and mappings out of a pickle's values. */
class Unpickled {
  #values = 0;

  constructor(private readonly storages: Storages) {}

  read(value: PickleValue, depth = 0): TorchValue {
    if (++this.#values > MAX_VALUES) throw new WeightsError(`it has more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) return null;
    if (value instanceof PickleDict) return this.#mapping(value.entries, depth);
    if (value instanceof PicklePersistent) return this.#persistent(value, depth);
    if (!(value instanceof PickleObject)) return null;
    const [first] = value.args;
    switch (value.callee instanceof PickleGlobal ? value.callee.path : '') {
      case 'torch._utils._rebuild_tensor':
      case 'torch._utils._rebuild_tensor_v2':
        return this.#tensor(value.args, undefined);
      case 'torch._utils._rebuild_tensor_v3':
        return this.#tensor(value.args, value.args[6]);
      case 'torch._utils._rebuild_parameter':
      case 'torch._utils._rebuild_parameter_with_state':
        return first === undefined ? null : this.read(first, depth + 1);
      case 'torch._tensor._rebuild_from_type_v2': {
        const [callee, , args] = value.args;
        if (callee === undefined || !Array.isArray(args)) return null;
        return this.read(new PickleObject(callee, args), depth + 1);
      }
      default:
        return this.#object(value, depth);
    }
  }

  #mapping(entries: readonly (readonly [PickleValue, PickleValue])[], depth: number): TorchMapping {
    const mapping = new Map<string, TorchValue>();
    for (const [key, item] of entries) {
      const name = pickleText(key);
      if (name !== null) mapping.set(name, this.read(item, depth + 1));
    }
    return mapping;
  }

  /** Reads a module in the old format: ('module', class, file, source), with its state next to it. */
  #persistent({ id }: PicklePersistent, depth: number): TorchValue {
    return Array.isArray(id) && id[1] instanceof PickleObject ? this.read(id[1], depth + 1) : null;
  }

  /** Reads a pickled nn.Module by its parameters, buffers and modules, and a subclass of dict by its entries. */
  #object({ state, entries }: PickleObject, depth: number): TorchValue {
    if (!(state instanceof PickleDict) || !(state.get('_modules') instanceof PickleDict)) {
      return entries.length > 0 ? this.#mapping(entries, depth) : null;
    }
    const found = new Map<string, TorchValue>();
    for (const part of ['_parameters', '_buffers']) {
      const tensors = this.read(state.get(part) ?? null, depth + 1);
      if (isTorchMapping(tensors)) for (const [name, tensor] of tensors) found.set(name, tensor);
    }
    const modules = this.read(state.get('_modules') ?? null, depth + 1);
    for (const [name, module] of isTorchMapping(modules) ? modules : []) {
      for (const [inner, tensor] of isTorchMapping(module) ? module : [])
        found.set(`${name}.${inner}`, tensor);
    }
    return found;
  }

  /** Reads (storage, offset, size, stride, ...), counted in values. */
  #tensor(
    [persistent, offset, size, stride]: readonly PickleValue[],
    type: PickleValue | undefined,
  ): TorchTensor | null {
    const storage = persistent instanceof PicklePersistent ? storageOf(persistent) : null;
    const shape = countsOf(size);
    const strides = countsOf(stride);
    if (!storage || !isCount(offset) || !shape || strides?.length !== shape.length) return null;
    const named = type instanceof PickleGlobal ? type.name : storage.type;
    const dtype = DTYPES[named];
    return {
      shape,
      read: () => {
        if (!dtype) throw new WeightsError(`a tensor has the type ${named}, which is not read here`);
        const bytes = this.storages(storage.key);
        if (!bytes) throw new WeightsError(`its storage ${storage.key} is missing`);
        return valuesOf(bytes, dtype, { first: storage.first + offset, shape, strides });
      },
    };
  }
}

interface View {
  readonly first: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

function valuesOf(bytes: Uint8Array, dtype: Dtype, { first, shape, strides }: View): Float32Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (size === 0) return new Float32Array();
  const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * (strides[axis] as number), first);
  const each = bytesPerValue(dtype);
  if (!((last + 1) * each <= bytes.length))
    throw new WeightsError('a tensor ends past the end of its storage');
  // The range from its first to its last value is at most the storage.
  const own = float32Values(dtype, bytes.subarray(first * each, (last + 1) * each));
  return isContiguous(shape, strides) ? own : gathered(own, shape, strides, size);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] as number;
    if (extent !== 1 && strides[axis] !== expected) return false;
    expected *= extent;
  }
  return true;
}

/** Gathers values in the order of a shape, from the positions that its strides give. */
function gathered(
  from: Float32Array,
  shape: readonly number[],
  strides: readonly number[],
  size: number,
): Float32Array {
  const values = new Float32Array(size);
  const index = shape.map(() => 0);
  let at = 0;
  for (let to = 0; to < size; to++) {
    values[to] = from[at] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      at += stride;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      at -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return values;
}

/** Reads counts from a tuple, or from a torch.Size of one. */
function countsOf(value: PickleValue | undefined): readonly number[] | null {
  const list = value instanceof PickleObject ? value.args[0] : value;
  return Array.isArray(list) && list.every(isCount) ? list : null;
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
