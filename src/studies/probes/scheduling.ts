import { availableParallelism, freemem } from 'node:os';
import type { Manifest } from '../../protocol/manifest';
import type { StartedEvent } from '../../protocol/standing';
import { type Recipe, recipeKey } from '../../recipe/recipe';
import type { RunEntry } from '../../runs/store';
import { type Place, placeOf } from '../../study/effect';
import type { Scheduling } from '../record';
import { imagesPerSecond, stepSeconds, type Trial, type TrialOptions, type Tried, tryOut } from './trial';

/** Runs side by side must finish so much more than one after the other to be worth it: one is told of sooner. */
const WORTH = 1.05;

/** Of the memory that is free, the share that runs side by side may take. */
const MEMORY_SHARE = 0.8;

/** A validation image costs about a third of a training image, which is also taken backward (two thirds of the work). */
const VALIDATION_COST = 1 / 3;

/**
 * Finds out on what engine a study's baseline trains here, and how many runs at a time finish most work: each on its share of
 * the threads, by trials of ten steps. Asked for a number, takes that.
 *
 * @param runs how many the study has to train
 * @throws UserError where the baseline cannot be trained; the signal's reason
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
      // More of them only share more: where two do not pay, four do not.
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

/** How many runs at a time are worth a trial, after one alone: twice as many each, while threads and memory last. */
function candidates({ started, peakBytes }: Trial, most: number): number[] {
  // A GPU is one, and plain JavaScript has one thread.
  if (started.engine.threads === undefined && started.engine.name !== 'cpu') return [];
  const byMemory =
    peakBytes === null ? Number.POSITIVE_INFINITY : Math.floor((MEMORY_SHARE * freemem()) / peakBytes);
  const counts: number[] = [];
  for (let count = 2; count <= Math.min(most, byMemory); count *= 2) counts.push(count);
  return counts;
}

/** Where a trainer computes, as far as results depend on it. */
function placeIn({ engine, precision }: StartedEvent): Pick<Scheduling, 'engine' | 'threads' | 'execution'> {
  return {
    engine: engine.name,
    threads: engine.threads ?? null,
    execution: precision.compute === 'float32' ? null : precision.execution,
  };
}

/** Seconds that a run of a recipe takes at so many a step, its validation images included; null where that is not known. */
function secondsOf({ data, epochs, schedule }: Recipe, step: number | null): number | null {
  if (step === null) return null;
  const image = (step * schedule.stepsPerEpoch) / data.dataset.trainImages;
  return step * schedule.totalSteps + epochs * data.dataset.validationImages * image * VALIDATION_COST;
}

/**
 * Seconds that a run of a recipe takes here, by timing ten of its steps; null where they are too few to tell.
 *
 * @throws UserError where it cannot be trained; the signal's reason
 */
export async function probedSeconds(
  tried: Tried,
  options: Omit<TrialOptions, 'steps'>,
): Promise<number | null> {
  const [trial] = await tryOut(tried, 1, options);
  return trial ? secondsOf(tried.recipe, stepSeconds(trial.steps)) : null;
}

/** Seconds that a recipe took when it was last trained to its end here; null where it was not. */
export function secondsOfLastRun(runs: readonly RunEntry[], recipe: Recipe): number | null {
  const key = recipeKey(recipe);
  for (const run of runs) {
    if (run.kind !== 'run' || run.manifest.state.status !== 'done') continue;
    if (recipeKey(run.manifest.recipe) === key) return run.manifest.state.result.seconds;
  }
  return null;
}

/** Whether a run computed where a study's runs do, so that the two may be compared. */
export function isPlaceOf(manifest: Manifest, scheduling: Scheduling): boolean {
  const place = exactPlaceOf(manifest);
  return (
    place !== null &&
    place.engine === scheduling.engine &&
    place.threads === scheduling.threads &&
    // How half precision comes about is a matter of runs that have it; a factor may be what sets it.
    (place.execution === null || scheduling.execution === null || place.execution === scheduling.execution)
  );
}

/** As `placeOf`, with the threads of every engine whose sums depend on them. */
function exactPlaceOf(manifest: Manifest): Place | null {
  const place = placeOf(manifest);
  if (!place || !manifest.engine) return null;
  const { name, threads } = manifest.engine;
  if (name === 'tensorflow') return threads === undefined ? null : { ...place, threads };
  return place;
}
