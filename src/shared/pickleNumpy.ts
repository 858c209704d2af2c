import { PickleGlobal, PickleObject, type PickleValue, pickleText } from './pickle';

/** An array of NumPy's as a pickle holds it. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** NumPy's kind and bytes of a value, such as `u1`, `i8` or `f4`. */
  readonly dtype: string;
  /** Whether the values are big-endian. */
  readonly isBigEndian: boolean;
  /** Whether the first axis runs fastest. */
  readonly isFortran: boolean;
  /** The values, a view of the pickle. */
  readonly bytes: Uint8Array;
}

const RECONSTRUCT = ['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct'];

/**
 * The array of numbers that a value stands for: what `numpy.ndarray.__reduce__` writes in protocols up to 4. Null where
 * it is none, or does not have as many bytes as its shape needs.
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

/** A number's type from `numpy.dtype('u1', ...)` and the byte order that its state has. */
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
