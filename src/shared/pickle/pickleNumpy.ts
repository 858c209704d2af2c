import { PickleGlobal, PickleObject, type PickleValue, pickleText } from './pickle';

/** A NumPy array as stored in a pickle. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** NumPy's kind and size in bytes, such as `u1`, `i8` or `f4`. */
  readonly dtype: string;
  /** Whether the values are big-endian. */
  readonly isBigEndian: boolean;
  /** Whether the first axis varies fastest. */
  readonly isFortran: boolean;
  /** The values, as a view into the pickle. */
  readonly bytes: Uint8Array;
}

const RECONSTRUCT = ['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct'];

/**
 * Decodes an array of numbers, as written by `numpy.ndarray.__reduce__` in protocols up to 4. Null if the value is not
 * one, or its size does not match its shape.
 */
export function pickledArray(value: PickleValue | undefined): PickledArray | null {
  if (!(value instanceof PickleObject) || !isCallOf(value, RECONSTRUCT) || !Array.isArray(value.state)) {
    return null;
  }
  const [, shape, dtype, isFortran, data] = value.state;
  const type = dtypeOf(dtype);
  if (!type || !isShape(shape) || !(data instanceof Uint8Array)) return null;
  const values = shape.reduce((product, extent) => product * extent, 1);
  if (data.length !== values * type.bytes) return null;
  return {
    shape,
    dtype: type.name,
    isBigEndian: type.isBigEndian,
    isFortran: isFortran === true,
    bytes: data,
  };
}

function isCallOf({ callee }: PickleObject, paths: readonly string[]): boolean {
  return callee instanceof PickleGlobal && paths.includes(callee.path);
}

function isShape(value: PickleValue | undefined): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((extent) => typeof extent === 'number' && Number.isSafeInteger(extent) && extent >= 0)
  );
}

/** Returns a number type from `numpy.dtype('u1', ...)` and the byte order in its state. */
function dtypeOf(
  value: PickleValue | undefined,
): { name: string; bytes: number; isBigEndian: boolean } | null {
  if (!(value instanceof PickleObject) || !isCallOf(value, ['numpy.dtype'])) return null;
  const name = pickleText(value.args[0]);
  const [, kind, digits] = /^([biuf])([1248])$/.exec(name ?? '') ?? [];
  if (!kind || !digits) return null;
  const order = Array.isArray(value.state) ? pickleText(value.state[1]) : null;
  return { name: `${kind}${digits}`, bytes: Number(digits), isBigEndian: order === '>' };
}
