import { availableParallelism, freemem } from 'node:os';
import type { Manifest } from '../../protocol/manifest';
import type { EngineStartedEvent } from '../../protocol/standing';
import { anyRecipeKey, isCommandRecipe } from '../../recipe/anyRecipe';
import type { Recipe } from '../../recipe/recipe';
import type { RunEntry } from '../../runs/store';
import { type Place, placeOf } from '../../study/effect';
import type { Scheduling } from '../record';
import { imagesPerSecond, stepSeconds, type Trial, type TrialOptions, type Tried, tryOut } from './trial';

/** Minimum speedup for running more runs side by side. A single run gives its result sooner. */
const WORTH = 1.05;

/** Maximum share of the free memory for parallel runs. */
const MEMORY_SHARE = 0.8;

/** A validation image costs about a third of a training image, because the backward pass is two thirds of the work. */
const VALIDATION_COST = 1 / 3;

/**
 * Determines on which engine a study's baseline trains here, and how many parallel runs give the highest throughput,
 * each with its share of the threads. Tries them for ten steps. If a number was requested, uses that.
 *
 * @param runs number of runs that the study has to train
 * @throws UserError if the baseline cannot be trained; the signal's reason
 */
export async function chooseScheduling(
  tried: Tried,
  { atOnce, runs }: { readonly atOnce: 'auto' | number; readonly runs: number },
  options: Omit<TrialOptions, 'threads' | 'steps'>,
): Promise<Scheduling> {
  const cores = availableParallelism();
  const measured: (Scheduling['measured'][number] & { readonly trial: Trial })[] = [];
  const measure = async (count: number) => {
    const threads = count === 1 ? undefined : Math.max(1, Math.floor(cores / count));
    const trials = await tryOut(tried, count, { ...options, threads });
    const [trial] = trials as [Trial];
    const speed = imagesPerSecond(trials, tried.recipe);
    const entry = {
      ...{ atOnce: count, threads: trial.started.engine.threads ?? null, trial },
      imagesPerSecond: speed ?? 0,
    };
    measured.push(entry);
    return entry;
  };
  if (atOnce !== 'auto') await measure(atOnce);
  else {
    const { trial } = await measure(1);
    for (const count of candidates(trial, Math.min(cores, runs))) {
      const [before] = measured.slice(-1);
      const now = await measure(count);
      // More runs only share more: if two do not pay off, neither do four.
      if (before && now.imagesPerSecond < WORTH * before.imagesPerSecond) break;
    }
  }
  const best = measured.reduce((most, each) =>
    each.imagesPerSecond > WORTH * most.imagesPerSecond ? each : most,
  );
  const { started, steps } = best.trial;
  return {
    ...placeIn(started),
    description: started.engine.description,
    atOnce: best.atOnce,
    measured: measured.map(({ trial: _, ...entry }) => entry),
    secondsPerRun: secondsOf(tried.recipe, stepSeconds(steps)),
  };
}

/** Returns the numbers of parallel runs to try after a single one. Doubles each time, while threads and memory last. */
function candidates({ started, peakBytes }: Trial, most: number): number[] {
  // A GPU cannot be divided, and plain JavaScript has one thread.
  if (started.engine.threads === undefined && started.engine.name !== 'cpu') return [];
  const byMemory =
    peakBytes === null ? Number.POSITIVE_INFINITY : Math.floor((MEMORY_SHARE * freemem()) / peakBytes);
  const counts: number[] = [];
  for (let count = 2; count <= Math.min(most, byMemory); count *= 2) counts.push(count);
  return counts;
}

/** Returns where a trainer computes, as far as results depend on it. */
function placeIn({
  engine,
  precision,
}: EngineStartedEvent): Pick<Scheduling, 'engine' | 'threads' | 'execution'> {
  return {
    engine: engine.name,
    threads: engine.threads ?? null,
    execution: precision.compute === 'float32' ? null : precision.execution,
  };
}

/** Returns the seconds of a run at `step` seconds per step, including validation; null if unknown. */
function secondsOf({ data, epochs, schedule }: Recipe, step: number | null): number | null {
  if (step === null) return null;
  const image = (step * schedule.stepsPerEpoch) / data.dataset.trainImages;
  return step * schedule.totalSteps + epochs * data.dataset.validationImages * image * VALIDATION_COST;
}

/**
 * Times ten steps of a recipe and returns the estimated seconds of a run; null if there are too few steps.
 *
 * @throws UserError if it cannot be trained; the signal's reason
 */
export async function probedSeconds(
  tried: Tried,
  options: Omit<TrialOptions, 'steps'>,
): Promise<number | null> {
  const [trial] = await tryOut(tried, 1, options);
  return trial ? secondsOf(tried.recipe, stepSeconds(trial.steps)) : null;
}

/**
 * Returns the seconds of the latest complete run of an experiment here; null if there is none.
 *
 * @param keyOf returns the key of what the experiment trains with a seed
 */
export function secondsOfLastRun(
  runs: readonly RunEntry[],
  keyOf: (seed: number) => string | null,
): number | null {
  for (const run of runs) {
    if (run.kind !== 'run' || run.manifest.state.status !== 'done') continue;
    const { recipe, state } = run.manifest;
    if (anyRecipeKey(recipe) === keyOf(recipe.seed)) return state.result.seconds;
  }
  return null;
}

/**
 * Whether a run computed in the same place as a study's runs, so the two are comparable. A command does not say where it
 * computes.
 */
export function isPlaceOf(manifest: Manifest, scheduling: Scheduling): boolean {
  if (scheduling.engine === null) return isCommandRecipe(manifest.recipe);
  const place = exactPlaceOf(manifest);
  return (
    place !== null &&
    place.engine === scheduling.engine &&
    place.threads === scheduling.threads &&
    // Half-precision execution matters only for runs that use it, and a factor may turn it on.
    (place.execution === null || scheduling.execution === null || place.execution === scheduling.execution)
  );
}

/** Same as `placeOf`, plus the threads of every engine that sums differently with different thread counts. */
function exactPlaceOf(manifest: Manifest): Place | null {
  const place = placeOf(manifest);
  if (!place || !manifest.engine) return null;
  const { name, threads } = manifest.engine;
  if (name === 'tensorflow') return threads === undefined ? null : { ...place, threads };
  return place;
}
