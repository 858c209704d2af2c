import type { EngineName } from '../../recipe/engineNames';
import { median } from '../metric';
import type { StudyCost } from '../record';
import type { StudyExperiments } from '../settings';
import { stepSeconds, type TrialOptions, tryOut } from './trial';

/** Rounds of a probe of all levels in turn, so that a machine that slows down slows all of them; as many as tell a sign. */
const ROUNDS = 5;

/** Steps of a trial, besides those that are not timed. */
const STEPS = 6;

export interface CostOptions extends Omit<TrialOptions, 'steps'> {
  readonly experimentFile: string;
  readonly engine: EngineName;
  readonly seed: number;
}

/**
 * Measures what each level of each factor costs against level 0: time per epoch and memory, with all other factors at level 0.
 * Times are compared within each round, where the machine was as busy for both.
 * Trials of a few steps train in turn, and nothing else of this product beside them. A level that is not allowed alone, or of
 * which no step could be timed, is left out.
 *
 * @throws UserError where one cannot be trained; the signal's reason
 */
export async function measureCosts(
  { factors, isAllowed, experimentAt }: StudyExperiments,
  options: CostOptions,
): Promise<StudyCost[]> {
  const baseline = factors.map(() => 0);
  const levels = factors.flatMap(({ levels }, factor) =>
    levels.slice(1).map((_, index) => ({ factor, level: index + 1 })),
  );
  const tried = [null, ...levels].flatMap((each) => {
    const setting = each ? baseline.with(each.factor, each.level) : baseline;
    if (!isAllowed(setting)) return [];
    const { recipe } = experimentAt(setting, options.seed, 0);
    return [
      {
        ...{ each, recipe: { ...recipe, engine: options.engine }, bytes: [] as number[] },
        /** By round; null where no step could be timed. */
        seconds: [] as (number | null)[],
      },
    ];
  });
  for (let round = 0; round < ROUNDS; round++) {
    // To and fro: what drifts from trial to trial favours none.
    for (const { recipe, seconds, bytes } of round % 2 === 0 ? tried : tried.toReversed()) {
      const [trial] = await tryOut({ recipe, experimentFile: options.experimentFile }, 1, {
        ...options,
        steps: STEPS,
      });
      const step = trial ? stepSeconds(trial.steps) : null;
      seconds.push(step === null ? null : step * recipe.schedule.stepsPerEpoch);
      if (trial?.peakBytes) bytes.push(trial.peakBytes);
    }
  }
  const without = tried.find(({ each }) => each === null);
  const secondsWithout = without ? median(known(without.seconds)) : null;
  if (!without || secondsWithout === null) return [];
  return tried.flatMap(({ each, seconds, bytes }) => {
    const secondsPerEpoch = median(known(seconds));
    if (!each || secondsPerEpoch === null) return [];
    return [
      {
        ...each,
        ...{ secondsPerEpoch, secondsPerEpochWithout: secondsWithout },
        ...{ memoryBytes: median(bytes), memoryBytesWithout: median(without.bytes) },
        timeRatios: ratiosOf(seconds, without.seconds),
      },
    ];
  });
}

function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

/** Within each round, of those in which both were timed. */
function ratiosOf(seconds: readonly (number | null)[], without: readonly (number | null)[]): number[] {
  return seconds.flatMap((value, round) => {
    const other = without[round];
    return value === null || !other ? [] : [value / other];
  });
}
