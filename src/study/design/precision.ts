import studentQuantile from '@stdlib/stats-base-dists-t-quantile';
import { Matrix } from 'ml-matrix';
import type { StudyBlock, StudyPlan } from '../../protocol/study';
import { interactionRow, pairsOf } from './aliases';
import {
  centredRows,
  codesOf,
  columnStarts,
  crossProducts,
  inverseOf,
  levelsRun,
  mainRow,
  runsOf,
} from './model';
import { LEAST_DEGREES } from './request';

/** Terms that are fitted in addition to main effects. */
export interface FittedTerms {
  /** Whether each block has its own mean, instead of one for all. */
  readonly blocks: boolean;
  /** Whether the interactions of all pairs are fitted. */
  readonly interactions: boolean;
}

const USUAL_TERMS: FittedTerms = { blocks: true, interactions: false };

/** Precision of a factor's least-squares effect, before any run is trained. */
export interface EffectPrecision {
  /** Standard error in units of the noise. For several levels, the largest. */
  readonly standardError: number;
  /** Residual degrees of freedom. */
  readonly degrees: number;
}

/** Returns how precisely each factor's effect against level 0 is estimated; null if main effects are confounded. */
export function effectPrecisions(
  plan: Pick<StudyPlan, 'blocks'>,
  terms: FittedTerms = USUAL_TERMS,
): EffectPrecision[] | null {
  const levels = levelsRun(plan);
  const codes = levels.map(codesOf);
  const blocks = terms.blocks ? plan.blocks : [joined(plan.blocks)];
  const pairs = terms.interactions ? pairsOf(levels.length) : [];
  const rows = centredRows(blocks, (setting) => [
    ...mainRow(setting, codes),
    ...interactionRow(setting, codes, pairs),
  ]);
  const inverse = inverseOf(crossProducts(rows, rows));
  if (!inverse) return null;
  const degrees = runsOf(blocks) - blocks.length - inverse.rows;
  const starts = columnStarts(levels);
  return codes.map((ofFactor, factor) => {
    const start = starts[factor] as number;
    const own = inverse.subMatrix(start, start + ofFactor.length - 2, start, start + ofFactor.length - 2);
    const variances = ofFactor.slice(1).map((code) => {
      const contrast = Matrix.rowVector(code.map((value, i) => value - (ofFactor[0]?.[i] as number)));
      return contrast.mmul(own).mmul(contrast.transpose()).get(0, 0);
    });
    return { standardError: Math.sqrt(Math.max(...variances)), degrees };
  });
}

/**
 * Returns the expected half-width of the 95% interval of a factor's effect, in the unit of `sigma`, the standard
 * deviation of a run over seeds. Main effects and blocks are fitted unless `terms` says otherwise, and the variance is
 * estimated from all residuals. For several levels it is the widest. Null if there is no interval: fewer than 3
 * residual degrees of freedom, or confounded effects.
 */
export function expectedHalfWidth(
  plan: Pick<StudyPlan, 'blocks'>,
  factor: number,
  sigma: number,
  terms: FittedTerms = USUAL_TERMS,
): number | null {
  const precision = effectPrecisions(plan, terms)?.[factor];
  return precision && precision.degrees >= LEAST_DEGREES ? sigma * halfWidthOf(precision) : null;
}

/**
 * Returns the widest of a plan's expected half-widths; null if there are no intervals. For one-at-a-time designs,
 * settings are compared separately, as in the analysis: by the paired t test from 4 blocks on, by Welch's test with 3.
 */
export function widestHalfWidth(
  plan: Pick<StudyPlan, 'blocks'> & Partial<Pick<StudyPlan, 'kind'>>,
  sigma: number,
): number | null {
  if (plan.kind === 'one_at_a_time') return halfWidthAlone(plan.blocks.length, sigma);
  const precisions = effectPrecisions(plan);
  if (!precisions?.every(({ degrees }) => degrees >= LEAST_DEGREES)) return null;
  return sigma * Math.max(...precisions.map(halfWidthOf));
}

function halfWidthAlone(blocks: number, sigma: number): number | null {
  if (blocks > LEAST_DEGREES) return pairedHalfWidth(blocks, sigma);
  const degrees = 2 * (blocks - 1);
  if (degrees < LEAST_DEGREES) return null;
  return sigma * halfWidthOf({ standardError: Math.sqrt(2 / blocks), degrees });
}

/** Returns the expected half-width of the paired t interval between two settings, each run once in every block. */
export function pairedHalfWidth(blocks: number, sigma: number): number {
  return sigma * halfWidthOf({ standardError: Math.sqrt(2 / blocks), degrees: blocks - 1 });
}

/** In units of the noise: Student's quantile times the standard error times the expected noise estimate. */
function halfWidthOf({ standardError, degrees }: EffectPrecision): number {
  return studentQuantile(0.975, degrees) * standardError * expectedDeviation(degrees);
}

/**
 * Returns the expected ratio of a standard deviation estimated from normal residuals to the true one: sqrt(2 / v) times
 * gamma((v + 1) / 2) / gamma(v / 2), known as c4.
 */
function expectedDeviation(degrees: number): number {
  // For large v the product below is slow, and Stirling's series is exact to 1e-13.
  if (degrees > 10_000) return 1 - 1 / (4 * degrees) + 1 / (32 * degrees ** 2);
  // The gamma ratio at v times that at v + 1 is v / 2, and the ratio at 1 is 1 / sqrt(pi).
  let ratio = 1 / Math.sqrt(Math.PI);
  for (let v = 1; v < degrees; v++) ratio = v / 2 / ratio;
  return Math.sqrt(2 / degrees) * ratio;
}

function joined(blocks: readonly StudyBlock[]): StudyBlock {
  return { settings: blocks.flatMap(({ settings }) => settings) };
}
