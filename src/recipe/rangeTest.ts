/**
 * Learning rate range test: a recipe with a learning rate that rises at every step until the loss explodes (Smith 2017,
 * arXiv 1506.01186, section 3.3; smoothing and stopping as in fastai's `lr_find`).
 */
import type { Recipe } from './recipe';

/** Learning rates as the user writes `optimizer.base_lr`, before scaling, and the number of steps between them. */
export interface RangeTestPlan {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}

/** The range suits both SGD and Adam. The steps are half an epoch of a small data set. */
export const RANGE_TEST_DEFAULTS: RangeTestPlan = { from: 1e-5, to: 10, steps: 200 };

/** Fewer steps leave too little to smooth. */
export const LEAST_RANGE_STEPS = 20;

/** The smoothed loss has exploded at this multiple of its minimum, as in fastai. */
const EXPLODED = 4;

/**
 * Returns the recipe of a range test: the same network, data and optimizer, no warmup, and a learning rate that rises
 * from `from` to `to`.
 *
 * @param baseLearningRate the experiment's `optimizer.base_lr`; the recipe's peak learning rate is proportional to it
 * @param name the name of its run
 */
export function rangeTestRecipe(
  recipe: Recipe,
  { from, to, steps }: RangeTestPlan,
  baseLearningRate: number,
  name: string,
): Recipe {
  const { schedule } = recipe;
  // Keeps each epoch within the available images. The last epoch may slightly exceed the requested steps.
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
 * Exponential moving average of losses with bias correction (Kingma and Ba 2015, section 3). It spans a twentieth of
 * the steps, so the lag is the same fraction of the range for any number of steps. At 1,000 steps its decay is fastai's
 * 0.98.
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

  /** Adds the next step's loss and returns the smoothed loss. */
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
