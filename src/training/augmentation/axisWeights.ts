import type { Interpolation } from '../../recipe/augmentation';

/** The interpolations that use several input pixels. */
export type Filter = Exclude<Interpolation, 'nearest'>;

/**
 * How to resample one axis: output position i is the weighted sum of `counts[i]` inputs starting at `starts[i]`, with
 * the weights starting at `i * taps`.
 */
export interface AxisWeights {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** The first input in use, and the one after the last. */
  readonly first: number;
  readonly end: number;
  /** Weights per output position, a multiple of 4. Those past the count are 0. */
  readonly taps: number;
  /** Fixed point: `1 << PRECISION_BITS` is a weight of 1. */
  readonly weights: Int32Array;
}

/** How the output positions of an axis map to its input. All but `from` and `to` are whole pixels. */
export interface Axis {
  readonly inputSize: number;
  /** The range of the input that maps to the full output. */
  readonly from: number;
  readonly to: number;
  readonly outputSize: number;
  /** The requested output positions. */
  readonly first: number;
  readonly count: number;
}

export const TAPS_MULTIPLE = 4;
/** Reserves 8 bits for the result, and 2 for weights below 0 and above 1. */
export const PRECISION_BITS = 32 - 8 - 2;

/** The weight function of each kernel, by distance in pixels, and the distance beyond which it is 0. */
const KERNELS: Readonly<Record<Filter, { weigh(distance: number): number; support: number }>> = {
  bilinear: { weigh: triangle, support: 1 },
  bicubic: { weigh: cubic, support: 2 },
  lanczos: { weigh: lanczos, support: 3 },
};

function triangle(x: number): number {
  const distance = Math.abs(x);
  return distance < 1 ? 1 - distance : 0;
}

/** Keys 1981 with a = -0.5. */
function cubic(x: number): number {
  const a = -0.5;
  const distance = Math.abs(x);
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return Math.sin(angle) / angle;
}

function lanczos(x: number): number {
  return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

/** Number of cached axes. Random crops in training rarely repeat a size, but images of a validation set often do. */
const CACHED_AXES = 64;
const cache = new Map<string, AxisWeights>();

/**
 * Computes the weights of an axis like Pillow's Resample.c for bytes. The kernel widens with the reduction. Weights are
 * normalized to a sum of 1 and rounded to fixed point.
 */
export function axisWeights(axis: Axis, filter: Filter): AxisWeights {
  const key = `${filter} ${axis.inputSize} ${axis.from} ${axis.to} ${axis.outputSize} ${axis.first} ${axis.count}`;
  const known = cache.get(key);
  if (known) return known;
  const weights = computeWeights(axis, filter);
  if (cache.size >= CACHED_AXES) cache.delete(cache.keys().next().value as string);
  cache.set(key, weights);
  return weights;
}

function computeWeights(
  { inputSize, from, to, outputSize, first, count }: Axis,
  filter: Filter,
): AxisWeights {
  const kernel = KERNELS[filter];
  // Pillow takes the box as float32, but continues in float64.
  const origin = Math.fround(from);
  const scale = Math.fround(Math.fround(to) - origin) / outputSize;
  const kernelScale = Math.max(scale, 1);
  const support = kernel.support * kernelScale;
  const perPixel = 1 / kernelScale;
  const most = Math.ceil(support) * 2 + 1;
  const taps = Math.ceil(most / TAPS_MULTIPLE) * TAPS_MULTIPLE;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * taps);
  const exact = new Float64Array(taps);
  let [firstUsed, endUsed] = [inputSize, 0];
  for (let index = 0; index < count; index++) {
    const center = origin + (first + index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const used = Math.min(inputSize, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let tap = 0; tap < used; tap++) {
      const weight = kernel.weigh((tap + start - center + 0.5) * perPixel);
      exact[tap] = weight;
      sum += weight;
    }
    const offset = index * taps;
    for (let tap = 0; tap < used; tap++) {
      const weight = (sum === 0 ? exact[tap]! : exact[tap]! / sum) * (1 << PRECISION_BITS);
      weights[offset + tap] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    let [low, high] = [0, used];
    while (high > low + 1 && weights[offset + high - 1] === 0) high--;
    while (low < high - 1 && weights[offset + low] === 0) low++;
    if (low > 0)
      weights.copyWithin(offset, offset + low, offset + taps).fill(0, offset + taps - low, offset + taps);
    starts[index] = start + low;
    counts[index] = high - low;
    firstUsed = Math.min(firstUsed, start + low);
    endUsed = Math.max(endUsed, start + high);
  }
  return { starts, counts, first: firstUsed, end: endUsed, taps, weights };
}

/**
 * Returns the input position of each requested output position, rounded like nearest sampling in Pillow's Geometry.c.
 */
export function nearestPositions({ inputSize, from, to, outputSize, first, count }: Axis): Int32Array {
  const origin = Math.fround(from);
  const scale = Math.fround(Math.fround(to) - origin) / outputSize;
  const positions = new Int32Array(count);
  // Accumulated as in Pillow: a product may round to another pixel.
  let position = origin + scale * 0.5;
  for (let index = 0; index < first + count; index++) {
    if (index >= first) positions[index - first] = Math.min(inputSize - 1, Math.trunc(position));
    position += scale;
  }
  return positions;
}
