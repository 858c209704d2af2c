import { type EngineName, HALF_PRECISION } from '../../recipe/engines';

/** The formats that take half of float32's bits: IEEE 754 binary16, and float32's upper half. */
export type HalfFormat = 'float16' | 'bfloat16';

/** What a training's activations, weights in use and gradients are kept in. */
export type Precision = 'float32' | HalfFormat;

/** How an engine comes by a precision; single precision is every engine's own. */
export function precisionSupport(engine: EngineName, precision: Precision): 'native' | 'emulated' {
  return precision === 'float32' ? 'native' : HALF_PRECISION[engine];
}
