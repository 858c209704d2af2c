/**
 * Asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2): which trial trains next. A trial that is
 * promoted goes on from where it was paused, so no epoch is trained twice.
 */

/** How a search halves. */
export interface HalvingPlan {
  /** Epochs at which each rung ends, rising; the last is the whole training. */
  readonly rungs: readonly number[];
  /** One of so many trials goes on from a rung. */
  readonly reduction: number;
  /** Trials to start at most; null where time is what ends the search. */
  readonly trials: number | null;
  readonly higherIsBetter: boolean;
}

/** A trial as far as halving is concerned. */
export interface HalvingTrial {
  readonly id: number;
  /** Its metric at each rung that it came to, in their order; null where it failed there, which is the end of it. */
  readonly results: readonly (number | null)[];
  readonly isRunning: boolean;
}

export type HalvingJob =
  /** Start a new trial, which trains to the first rung. */
  | { readonly kind: 'start' }
  /** Let a trial go on to rung `rung`. */
  | { readonly kind: 'promote'; readonly trial: number; readonly rung: number }
  /** There is nothing to do until a trial that trains comes to its rung. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'done' };

/** The next job of a worker that is free: a promotion from the highest rung that has one, else a new trial. */
export function nextJob(plan: HalvingPlan, trials: readonly HalvingTrial[]): HalvingJob {
  for (let rung = plan.rungs.length - 2; rung >= 0; rung--) {
    const [trial] = promotable(plan, trials, rung);
    if (trial) return { kind: 'promote', trial: trial.id, rung: rung + 1 };
  }
  if (plan.trials === null || trials.length < plan.trials) return { kind: 'start' };
  return trials.some(({ isRunning }) => isRunning) ? { kind: 'wait' } : { kind: 'done' };
}

/** Trials of the best 1/reduction of a rung that have not left it, the best first. */
function promotable(plan: HalvingPlan, trials: readonly HalvingTrial[], rung: number): HalvingTrial[] {
  const arrived = trials.filter(({ results }) => results.length > rung);
  const best = ranked(arrived, rung, plan.higherIsBetter).slice(
    0,
    Math.floor(arrived.length / plan.reduction),
  );
  return best.filter(({ results, isRunning }) => results.length === rung + 1 && !isRunning);
}

/** The trials that did not fail at a rung, the best first; of equals the one that was started first. */
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

/** The best trial so far: of those that never failed and came to the highest rung that any of them came to. */
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
 * The epochs at which rungs end: the whole training, then 1/reduction of the rung above, at least one epoch.
 *
 * @param trials where their number is known, no more rungs than it fills
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

/** How often a number can be divided by `reduction` until less than one is left. */
export function mostRungs(number: number, reduction: number): number {
  let count = 1;
  for (let left = number / reduction; left >= 1; left /= reduction) count++;
  return count;
}
