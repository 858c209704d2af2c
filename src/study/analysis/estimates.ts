import type { Estimate, StudySetting } from '../../protocol/study';
import { LEAST_DEGREES, twoSidedQuantile } from './fit/distributions';
import type { ImagesPart } from './fit/images';
import { dot, type LeastSquares, residualsOf } from './fit/leastSquares';
import { robustVariance, type UnevenNoise, unevenNoise } from './fit/robust';

/** A measured contrast: its value and the components of its error. */
export interface Measured {
  readonly value: number;
  /** Variance from the noise of the runs; null without a residual degree of freedom. */
  readonly runs: { readonly variance: number; readonly degrees: number } | null;
  /** Variance from the choice of validation images; null if unknown. */
  readonly images: ImagesPart | null;
}

/** A contrast's standard error and its degrees of freedom. */
export interface StandardError {
  readonly error: number;
  readonly degrees: number;
}

/** The residuals of the runs and the variance estimated from them. */
export interface Noise {
  readonly residuals: Float64Array;
  readonly variance: number;
  /** 0 if the model fits the runs exactly. The variance is then unknown. */
  readonly degrees: number;
  /** Set if the noise differs between levels. */
  readonly uneven: UnevenNoise | null;
}

/** Residuals below this share of the values are rounding errors. */
const ROUNDING = 1e-12;

/**
 * Estimates the noise from a fit's residuals.
 *
 * @param settings, levels of the runs and the factors, to test whether the noise is homogeneous
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

/**
 * Measures a contrast by least squares with the pooled variance of all runs, or with a robust one if the noise is
 * uneven.
 */
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

/** Returns the error on these images, from the runs alone. */
export function errorOnThese({ runs }: Measured): StandardError | null {
  return runs && { error: Math.sqrt(runs.variance), degrees: runs.degrees };
}

/**
 * Returns the error on new images, from both components. Degrees of freedom are weighted by the components, as Cochran
 * (1964) weights critical values. Satterthwaite's degrees of freedom are too many if the runs have few, because studies
 * whose runs happen to agree get more of them.
 */
export function errorOnNew({ runs, images }: Measured): StandardError | null {
  if (!runs || !images) return null;
  return joinedError(runs, images);
}

/**
 * Combines the errors of two components. The second variance may be negative. If the runs alone have too few degrees of
 * freedom for an interval, so does the combination: a well-known variance from images does not make the noise of the
 * runs better known.
 */
export function joinedError(runs: NonNullable<Measured['runs']>, images: ImagesPart): StandardError {
  const variance = Math.max(runs.variance + images.variance, images.least);
  const isOfRunsAlone = images.variance <= 0 || variance === 0 || runs.degrees < LEAST_DEGREES;
  if (isOfRunsAlone) return { error: Math.sqrt(variance), degrees: runs.degrees };
  const degrees = variance / (runs.variance / runs.degrees + images.variance / images.degrees);
  return { error: Math.sqrt(variance), degrees };
}

/** Returns the error that verdicts use: on new images if known. */
export function errorForVerdict(measured: Measured): StandardError | null {
  return errorOnNew(measured) ?? errorOnThese(measured);
}

/** Returns a value with its interval, which misses the true value with probability `level`. */
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
