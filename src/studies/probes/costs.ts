import { networkRecipe } from '../../recipe/anyRecipe';
import type { EngineName } from '../../recipe/engineNames';
import { median } from '../metric';
import type { StudyCost } from '../record';
import type { StudyExperiments } from '../settings';
import { stepSeconds, type TrialOptions, tryOut } from './trial';

/**
 * Rounds of a probe. Each round tries all levels in turn, so a machine that slows down affects all of them. Enough
 * rounds to determine a sign.
 */
const ROUNDS = 5;

/** Timed steps per trial. */
const STEPS = 6;

export interface CostOptions extends Omit<TrialOptions, 'steps'> {
  readonly experimentFile: string;
  readonly engine: EngineName;
  readonly seed: number;
}

/**
 * Measures what each level of each factor costs against level 0, in time per epoch and in memory, with all other
 * factors at level 0. Compares times within each round, when the machine was equally busy for both. Trials of a few
 * steps train one after another, with nothing else of this product running. Omits a level that is not allowed alone, or
 * for which no step could be timed.
 *
 * @throws UserError if a level cannot be trained; the signal's reason
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
    const recipe = networkRecipe(experimentAt(setting, options.seed, 0).recipe);
    if (!recipe) return [];
    return [
      {
        ...{ each, recipe: { ...recipe, engine: options.engine }, bytes: [] as number[] },
        /** Per round; null if no step could be timed. */
        seconds: [] as (number | null)[],
      },
    ];
  });
  for (let round = 0; round < ROUNDS; round++) {
    // Alternates direction, so drift between trials favors no level.
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

/** Returns the time ratio of each round in which both were timed. */
function ratiosOf(seconds: readonly (number | null)[], without: readonly (number | null)[]): number[] {
  return seconds.flatMap((value, round) => {
    const other = without[round];
    return value === null || !other ? [] : [value / other];
  });
}
