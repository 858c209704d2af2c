/** Expected precision of a study's effects, before any run is trained. */
import type { StudyPlan } from '../../protocol/study';
import { budgetFor } from '../design/budget';
import { chooseDesign } from '../design/chooseDesign';
import { widestHalfWidth } from '../design/precision';
import type { Observation, RunIndex } from '../effect';
import { keyBySeed } from './commandSeeds';
import { designRequestOf } from './design';
import { type Baseline, type DesignRequest, isCommandBaseline, type StudySettings } from './study';

/**
 * Assumed standard deviation of accuracy over seeds if it is unknown, in percentage points. Typical values are 0.1 to
 * 0.3.
 */
export const ASSUMED_NOISE = 0.25;

/** Fewer seeds are not enough for a standard deviation. */
const LEAST_SEEDS = 3;

/** The precision that a budget gives. */
export interface ExpectedPrecision {
  readonly plan: StudyPlan;
  /** Runs of the plan, at most the budget. */
  readonly runs: number;
  /**
   * Half-width of the 95% interval of the least precise effect, in the unit of `noise`; null if there is no interval.
   */
  readonly halfWidth: number | null;
}

/** The parts of a study that its design depends on. */
export interface DesignSubject {
  readonly design: DesignRequest;
  readonly settings: Pick<StudySettings, 'factors' | 'exclusions' | 'isAllowed'>;
}

/**
 * Returns the precision of a budget of runs at a noise level; null if the budget is too small or there is no such
 * design.
 */
export function expectedPrecision(
  { design, settings }: DesignSubject,
  runs: number,
  noise: number,
): ExpectedPrecision | null {
  const result = chooseDesign(designRequestOf({ design }, settings, runs));
  if (result.kind === 'problem') return null;
  const { plan } = result;
  const used = plan.blocks.reduce((sum, block) => sum + block.settings.length, 0);
  return { plan, runs: used, halfWidth: widestHalfWidth(plan, noise) };
}

/** Returns the fewest runs that work in two blocks, and the fewest with half-widths of at most `halfWidth`. */
export function neededRuns(
  { design, settings }: DesignSubject,
  noise: number,
  halfWidth: number,
): { readonly smallest: number; readonly enough: number | null } | null {
  const request = { ...designRequestOf({ design }, settings, 0), leastBlocks: 2 };
  const result = budgetFor(request, { sigma: noise, halfWidth });
  return result.kind === 'problem' ? null : { smallest: result.smallestRuns, enough: result.runs };
}

/**
 * Returns the standard deviation of accuracy over seeds among an experiment's finished runs, in percentage points; null
 * with fewer than 3 seeds in one place.
 */
export function knownNoise(baseline: Baseline, runs: RunIndex): number | null {
  const bySeed = new Map<string, Map<number, number>>();
  for (const { seed, place, accuracy } of observationsOf(baseline, runs)) {
    if (accuracy === null || (place === null && !isCommandBaseline(baseline))) continue;
    const key = JSON.stringify(place);
    const seeds = bySeed.get(key) ?? new Map<number, number>();
    bySeed.set(key, seeds.set(seed, 100 * accuracy));
  }
  const [most] = [...bySeed.values()].sort((a, b) => b.size - a.size);
  if (!most || most.size < LEAST_SEEDS) return null;
  const values = [...most.values()];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return variance > 0 ? Math.sqrt(variance) : null;
}

/** Returns the runs of an experiment with any seed. */
function observationsOf(baseline: Baseline, runs: RunIndex): readonly Observation[] {
  const keyOf = keyBySeed(baseline);
  if (!isCommandBaseline(baseline)) return runs.get(keyOf(baseline.recipe.seed) ?? '') ?? [];
  return [...runs].flatMap(([key, each]) => each.filter(({ seed }) => keyOf(seed) === key));
}
