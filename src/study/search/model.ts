/** Presents trials to Optuna's samplers, which do not know paused trials. */
import { assertNever } from '../../shared/assertNever';
import type { HalvingTrial } from './asha';
import type { OptunaSamplerName, TrialValues } from './search';

/** A trial as a sampler sees it. */
export interface ModelTrial {
  readonly id: number;
  readonly values: TrialValues;
  readonly state: 'complete' | 'pruned' | 'running' | 'failed';
  /** Set only for a complete trial. */
  readonly value: number | null;
  /** The metric at each epoch that ended a rung. */
  readonly steps: readonly (readonly [epochs: number, value: number])[];
}

type KnownTrial = HalvingTrial & { readonly values: TrialValues };

/**
 * Returns the trials for a sampler. TPE ranks complete trials before pruned ones, and pruned ones by how far they got.
 * GP and CMA-ES use only complete trials, so all trials are reported as complete at a single rung. CMA-ES compares the
 * trials of a generation, so it uses the first rung. GP uses the highest rung that enough trials reached (as in BOHB:
 * Falkner et al. 2018, arXiv 1807.01774, section 3).
 */
export function modelTrials(
  sampler: OptunaSamplerName,
  trials: readonly KnownTrial[],
  rungs: readonly number[],
): ModelTrial[] {
  switch (sampler) {
    case 'tpe':
      return trials.map((trial) => asPruned(trial, rungs));
    case 'gp':
      return trials.map((trial) => atRung(trial, modelRung(trials, rungs.length)));
    case 'cmaes':
      return trials.map((trial) => atRung(trial, 0));
    default:
      return assertNever(sampler);
  }
}

function asPruned(trial: KnownTrial, rungs: readonly number[]): ModelTrial {
  const { id, values, results } = trial;
  const steps = results.flatMap((value, rung) => (value === null ? [] : [[rungs[rung]!, value] as const]));
  const last = results.at(-1);
  if (last === undefined) return { id, values, state: 'running', value: null, steps };
  if (last === null && steps.length === 0) return { id, values, state: 'failed', value: null, steps };
  const isComplete = results.length === rungs.length && last !== null;
  return { id, values, state: isComplete ? 'complete' : 'pruned', value: isComplete ? last : null, steps };
}

function atRung({ id, values, results }: KnownTrial, rung: number): ModelTrial {
  const value = results[rung];
  if (typeof value === 'number') return { id, values, state: 'complete', value, steps: [] };
  const hasFailed = results.includes(null);
  return { id, values, state: hasFailed ? 'failed' : 'running', value: null, steps: [] };
}

/** Returns the highest rung that at least 2 (d + 1) trials reached, for d parameters; 0 if there is none. */
function modelRung(trials: readonly KnownTrial[], rungs: number): number {
  const dimensions = Object.keys(trials[0]?.values ?? {}).length;
  for (let rung = rungs - 1; rung > 0; rung--) {
    const count = trials.filter(({ results }) => typeof results[rung] === 'number').length;
    if (count >= 2 * (dimensions + 1)) return rung;
  }
  return 0;
}
