import type { EngineName } from '../../recipe/engineNames';
import { median } from '../metric';
import type { StudyCost } from '../record';
import type { StudyExperiments } from '../settings';
import { stepSeconds, type TrialOptions, tryOut } from './trial';

/** Rounds of a probe of all levels in turn, so that a machine that slows down slows all of them. */
const ROUNDS = 3;

/** Steps of a trial, besides those that are not timed. */
const STEPS = 6;

export interface CostOptions extends Omit<TrialOptions, 'steps'> {
  readonly experimentFile: string;
  readonly engine: EngineName;
  readonly seed: number;
}

/**
 * Measures what each level of each factor costs against level 0: time per epoch and memory, with all other factors at level 0.
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
      { each, recipe: { ...recipe, engine: options.engine }, seconds: [] as number[], bytes: [] as number[] },
    ];
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const { recipe, seconds, bytes } of tried) {
      const [trial] = await tryOut({ recipe, experimentFile: options.experimentFile }, 1, {
        ...options,
        steps: STEPS,
      });
      const step = trial && stepSeconds(trial.steps);
      if (step) seconds.push(step * recipe.schedule.stepsPerEpoch);
      if (trial?.peakBytes) bytes.push(trial.peakBytes);
    }
  }
  const without = tried.find(({ each }) => each === null);
  const secondsWithout = without ? median(without.seconds) : null;
  if (!without || secondsWithout === null) return [];
  return tried.flatMap(({ each, seconds, bytes }) => {
    const secondsPerEpoch = median(seconds);
    if (!each || secondsPerEpoch === null) return [];
    return [
      {
        ...each,
        ...{ secondsPerEpoch, secondsPerEpochWithout: secondsWithout },
        ...{ memoryBytes: median(bytes), memoryBytesWithout: median(without.bytes) },
      },
    ];
  });
}
