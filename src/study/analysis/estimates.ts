import type { Estimate, StudySetting } from '../../protocol/study';
import { LEAST_DEGREES, twoSidedQuantile } from './fit/distributions';
import type { ImagesPart } from './fit/images';
import { dot, type LeastSquares, residualsOf } from './fit/leastSquares';
import { robustVariance, type UnevenNoise, unevenNoise } from './fit/robust';

/** A contrast as the runs have it: its value, and what its error is made of. */
export interface Measured {
  readonly value: number;
  /** From the noise of the runs; null without a residual degree of freedom. */
  readonly runs: { readonly variance: number; readonly degrees: number } | null;
  /** What the choice of validation images adds; null where it is not known. */
  readonly images: ImagesPart | null;
}

/** The standard error of a contrast, with its degrees of freedom. */
export interface StandardError {
  readonly error: number;
  readonly degrees: number;
}

/** The residuals of the runs, and the variance that they tell. */
export interface Noise {
  readonly residuals: Float64Array;
  readonly variance: number;
  /** 0 where the model fits the runs exactly: the variance is then unknown. */
  readonly degrees: number;
  /** Where the noise differs between levels. */
  readonly uneven: UnevenNoise | null;
}

/** Rounding leaves residuals of this share of the values where there are none. */
const ROUNDING = 1e-12;

/**
 * The noise that a fit leaves.
 *
 * @param settings, levels of the runs and the factors, to see whether the noise is the same everywhere
 */
export function noiseOf(
  fit: LeastSquares,
  values: ArrayLike<number>,
  settings: readonly StudySetting[],
  levels: readonly number[],
): Noise {
  const residuals = residualsOf(fit, values);
  let largest = 0;
  for (let run = 0; run < values.length; run++) largest = Math.max(largest, Math.abs(values[run] ?? 0));
  const sum = dot(residuals, residuals);
  const isNone = sum <= (ROUNDING * largest) ** 2 * values.length;
  return {
    residuals,
    variance: isNone || fit.degrees === 0 ? 0 : sum / fit.degrees,
    degrees: fit.degrees,
    uneven: isNone || fit.degrees === 0 ? null : unevenNoise(settings, levels, fit, residuals),
  };
}

/** A contrast by least squares, with the pooled variance of all runs; where noise is uneven with a robust one. */
export function measure(
  weights: Float64Array,
  fit: LeastSquares,
  values: ArrayLike<number>,
  noise: Noise,
  imagesOf: ((weights: Float64Array) => ImagesPart) | null,
): Measured {
  return {
    value: dot(weights, values),
    runs: noise.degrees > 0 ? runsPart(weights, fit, noise) : null,
    images: imagesOf?.(weights) ?? null,
  };
}

function runsPart(weights: Float64Array, fit: LeastSquares, noise: Noise) {
  const { residuals, variance, degrees, uneven } = noise;
  return uneven
    ? robustVariance(weights, fit, residuals, variance, uneven)
    : { variance: dot(weights, weights) * variance, degrees };
}

/** The error on these images: from the runs alone. */
export function errorOnThese({ runs }: Measured): StandardError | null {
  return runs && { error: Math.sqrt(runs.variance), degrees: runs.degrees };
}

/**
 * The error on new images: both parts. Degrees of freedom are weighted by the parts, as Cochran (1964) weights critical
 * values. Satterthwaite's are too many where the runs have few: those studies whose runs happen to agree get more of them.
 */
export function errorOnNew({ runs, images }: Measured): StandardError | null {
  if (!runs || !images) return null;
  return joinedError(runs, images);
}

/**
 * The error of two parts; the second may be negative. Where the runs alone have too few degrees of freedom for an interval,
 * so have both: what the images add, which is well known, makes the noise of the runs no better known.
 */
export function joinedError(runs: NonNullable<Measured['runs']>, images: ImagesPart): StandardError {
  const variance = Math.max(runs.variance + images.variance, images.least);
  const isOfRunsAlone = images.variance <= 0 || variance === 0 || runs.degrees < LEAST_DEGREES;
  if (isOfRunsAlone) return { error: Math.sqrt(variance), degrees: runs.degrees };
  const degrees = variance / (runs.variance / runs.degrees + images.variance / images.degrees);
  return { error: Math.sqrt(variance), degrees };
}

/** The error that verdicts go by: on new images where that is known. */
export function errorForVerdict(measured: Measured): StandardError | null {
  return errorOnNew(measured) ?? errorOnThese(measured);
}

/** A value with its interval, which it lies outside of with probability `level`. */
export function estimateOf(value: number, error: StandardError | null, level: number): Estimate {
  if (!error) return { value, standardError: null, degrees: 0, halfWidth: null };
  return {
    value,
    standardError: error.error,
    degrees: error.degrees,
    halfWidth: halfWidthOf(error, level),
  };
}

export function halfWidthOf({ error, degrees }: StandardError, level: number): number | null {
  return degrees < LEAST_DEGREES ? null : twoSidedQuantile(degrees, level) * error;
}
