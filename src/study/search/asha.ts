/**
 * Asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2): decides which trial trains next. A
 * promoted trial resumes where it was paused, so no epoch is trained twice. A trial that cannot resume goes on past its
 * rung or stops there for good, as in Optuna's SuccessiveHalvingPruner (Akiba et al. 2019, arXiv 1907.10902).
 */

/** Settings of the halving. */
export interface HalvingPlan {
  /** Epochs at which each rung ends, in increasing order. The last is the whole training. */
  readonly rungs: readonly number[];
  /** One in this many trials advances from a rung. */
  readonly reduction: number;
  /** Maximum number of trials; null if the search ends by time. */
  readonly trials: number | null;
  readonly higherIsBetter: boolean;
  /** Whether trials can be paused at a rung and resumed later. */
  readonly canResume: boolean;
}

/** The properties of a trial that halving uses. */
export interface HalvingTrial {
  readonly id: number;
  /** Metric at each rung that the trial reached, in order. Null if it failed there, which ends it. */
  readonly results: readonly (number | null)[];
  readonly isRunning: boolean;
}

export type HalvingJob =
  /** Start a new trial, which trains to the first rung. */
  | { readonly kind: 'start' }
  /** Continue a trial to rung `rung`. */
  | { readonly kind: 'promote'; readonly trial: number; readonly rung: number }
  /** Nothing to do until a running trial reaches its rung. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'done' };

/** Returns the next job for a free worker: a promotion from the highest rung that has one, else a new trial. */
export function nextJob(plan: HalvingPlan, trials: readonly HalvingTrial[]): HalvingJob {
  for (let rung = plan.rungs.length - 2; rung >= 0 && plan.canResume; rung--) {
    const [trial] = promotable(plan, trials, rung);
    if (trial) return { kind: 'promote', trial: trial.id, rung: rung + 1 };
  }
  if (plan.trials === null || trials.length < plan.trials) return { kind: 'start' };
  return trials.some(({ isRunning }) => isRunning) ? { kind: 'wait' } : { kind: 'done' };
}

/** Returns the trials in the best 1/reduction of a rung that have not advanced, best first. */
function promotable(plan: HalvingPlan, trials: readonly HalvingTrial[], rung: number): HalvingTrial[] {
  const best = bestAt(plan, trials, rung, 0);
  return best.filter(({ results, isRunning }) => results.length === rung + 1 && !isRunning);
}

/**
 * Whether a trial that cannot resume goes on from a rung that it has just reached: as one of the best 1/reduction that
 * reached it so far. Of fewer trials, only the best one goes on.
 */
export function goesOn(
  plan: HalvingPlan,
  trials: readonly HalvingTrial[],
  id: number,
  rung: number,
): boolean {
  return bestAt(plan, trials, rung, 1).some((trial) => trial.id === id);
}

/** Returns the trials in the best 1/reduction of a rung, best first, and at least `least` if none failed. */
function bestAt(
  { higherIsBetter, reduction }: HalvingPlan,
  trials: readonly HalvingTrial[],
  rung: number,
  least: number,
): readonly HalvingTrial[] {
  const arrived = trials.filter(({ results }) => results.length > rung);
  const count = Math.max(Math.floor(arrived.length / reduction), least);
  return ranked(arrived, rung, higherIsBetter).slice(0, count);
}

/** Returns the trials that did not fail at a rung, best first. Ties go to the one started first. */
function ranked(
  trials: readonly HalvingTrial[],
  rung: number,
  higherIsBetter: boolean,
): readonly HalvingTrial[] {
  const sign = higherIsBetter ? -1 : 1;
  return trials
    .filter(({ results }) => typeof results[rung] === 'number')
    .toSorted((a, b) => sign * ((a.results[rung] ?? 0) - (b.results[rung] ?? 0)) || a.id - b.id);
}

/**
 * Returns the best trial so far, among those that never failed and reached the highest rung that any of them reached.
 */
export function bestTrial<Trial extends HalvingTrial>(
  { rungs, higherIsBetter }: Pick<HalvingPlan, 'rungs' | 'higherIsBetter'>,
  trials: readonly Trial[],
): { readonly trial: Trial; readonly rung: number; readonly value: number } | null {
  const sound = trials.filter(({ results }) => !results.includes(null));
  for (let rung = rungs.length - 1; rung >= 0; rung--) {
    const [first] = ranked(sound, rung, higherIsBetter);
    const trial = trials.find(({ id }) => id === first?.id);
    const value = trial?.results[rung];
    if (trial && typeof value === 'number') return { trial, rung, value };
  }
  return null;
}

/**
 * Returns the epochs at which rungs end: the whole training, then 1/reduction of the rung above, at least one epoch.
 *
 * @param trials if known, limits the rungs to those that this number of trials can fill
 */
export function rungsOf(
  epochs: number,
  { rungs, reduction }: { readonly rungs: 'auto' | number; readonly reduction: number },
  trials: number | null,
): number[] {
  const most = Math.min(
    mostRungs(epochs, reduction),
    trials === null ? Infinity : mostRungs(trials, reduction),
  );
  const count = rungs === 'auto' ? most : Math.min(rungs, most);
  return Array.from({ length: count }, (_, index) =>
    Math.max(Math.round(epochs / reduction ** (count - 1 - index)), 1),
  );
}

/** Returns how often a number can be divided by `reduction` before less than one is left. */
export function mostRungs(number: number, reduction: number): number {
  let count = 1;
  for (let left = number / reduction; left >= 1; left /= reduction) count++;
  return count;
}
