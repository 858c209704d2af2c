/** The formats with half of float32's bits: IEEE 754 binary16, and the upper half of float32. */
export const HALF_FORMATS = ['float16', 'bfloat16'] as const;
export type HalfFormat = (typeof HALF_FORMATS)[number];

/** The number format of activations, working weights and gradients during training. */
export type Precision = 'float32' | HalfFormat;

/** Returns how an engine provides a precision. Every engine has float32 natively. */
export function precisionSupport(
  { halfFormats }: { readonly halfFormats?: readonly HalfFormat[] },
  precision: Precision,
): 'native' | 'emulated' {
  return precision === 'float32' || halfFormats?.includes(precision) ? 'native' : 'emulated';
}
