/** The formats that take half of float32's bits: IEEE 754 binary16, and float32's upper half. */
export const HALF_FORMATS = ['float16', 'bfloat16'] as const;
export type HalfFormat = (typeof HALF_FORMATS)[number];

/** What a training's activations, weights in use and gradients are kept in. */
export type Precision = 'float32' | HalfFormat;

/** How an engine comes by a precision; single precision is every engine's own. */
export function precisionSupport(
  { halfFormats }: { readonly halfFormats?: readonly HalfFormat[] },
  precision: Precision,
): 'native' | 'emulated' {
  return precision === 'float32' || halfFormats?.includes(precision) ? 'native' : 'emulated';
}
