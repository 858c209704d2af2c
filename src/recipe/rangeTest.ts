/**
 * The range test's training: a recipe whose learning rate rises at every step until the loss explodes (Smith 2017,
 * arXiv 1506.01186, section 3.3; smoothing and end as in fastai's `lr_find`).
 */
import type { Recipe } from './recipe';

/** Learning rates as a person writes `optimizer.base_lr`, before scaling, and how many steps lie between them. */
export interface RangeTestPlan {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}

/** Wide enough for SGD and Adam alike; steps for half an epoch of a small data set. */
export const RANGE_TEST_DEFAULTS: RangeTestPlan = { from: 1e-5, to: 10, steps: 200 };

/** Fewer leave nothing to smooth. */
export const LEAST_RANGE_STEPS = 20;

/** Times its minimum at which the smoothed loss has exploded, as in fastai. */
const EXPLODED = 4;

/**
 * The recipe of a range test: the same network, data and optimizer, without warmup, with a learning rate that rises
 * from `from` to `to`.
 *
 * @param baseLearningRate what the experiment has as `optimizer.base_lr`, to which the recipe's peak is in proportion
 * @param name what its run is called
 */
export function rangeTestRecipe(
  recipe: Recipe,
  { from, to, steps }: RangeTestPlan,
  baseLearningRate: number,
  name: string,
): Recipe {
  const { schedule } = recipe;
  // No epoch is longer than the images last; the last one may be a little longer than asked for.
  const epochs = Math.ceil(steps / schedule.stepsPerEpoch);
  const stepsPerEpoch = Math.ceil(steps / epochs);
  return {
    ...recipe,
    name,
    epochs,
    schedule: {
      peakLearningRate: (to * schedule.peakLearningRate) / baseLearningRate,
      warmup: { steps: 0, countFrom: 0, update: 'step' },
      decay: { name: 'range_test', startFactor: from / to },
      update: 'step',
      stepsPerEpoch,
      totalSteps: epochs * stepsPerEpoch,
    },
  };
}

/** Whether a recipe is a range test's. */
export function isRangeTest({ schedule }: Pick<Recipe, 'schedule'>): boolean {
  return schedule.decay.name === 'range_test';
}

/**
 * An exponential moving average of losses without the pull towards zero of its start (Kingma and Ba 2015, section 3).
 * It reaches over a twentieth of the steps, so that the lag is the same share of the range for any number of steps; at
 * 1,000 steps its decay is fastai's 0.98.
 */
export class SmoothedLoss {
  readonly #decay: number;
  #sum = 0;
  #weight = 0;
  #minimum = Number.POSITIVE_INFINITY;
  #value = 0;

  constructor(totalSteps: number) {
    this.#decay = Math.max(1 - 20 / totalSteps, 0);
  }

  /** Takes in the next step's loss and returns the smoothed one. */
  take(loss: number): number {
    this.#sum = this.#decay * this.#sum + (1 - this.#decay) * loss;
    this.#weight = this.#decay * this.#weight + (1 - this.#decay);
    this.#value = this.#sum / this.#weight;
    this.#minimum = Math.min(this.#minimum, this.#value);
    return this.#value;
  }

  /** Whether the smoothed loss is more than four times its minimum. */
  get hasExploded(): boolean {
    return this.#value > EXPLODED * this.#minimum;
  }
}
