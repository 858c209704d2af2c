import * as tf from '@tensorflow/tfjs-core';
import type { Recipe } from '../../recipe/recipe';
import type { Average, Update } from '../effects/effect';
import type { RecipeEffects } from '../effects/index';
import { disposeGradients, mapGradients } from '../network/gradients';
import type { Network } from '../network/network';
import type { Optimizer } from '../optimizers/optimizer';
import type { Streams } from '../streams';
import { allFinite } from './allFinite';
import type { BatchTensors } from './batchPass';
import type { Metrics } from './evaluation';
import { initialLossScale, type LossScale, nextLossScale } from './lossScale';
import type { PassedBatches, Passes, StepPasses } from './passes';

/** The objects that a step reads and changes. */
export interface StepParts {
  readonly network: Network;
  readonly passes: Passes;
  readonly optimizer: Optimizer;
  readonly average: Average | null;
  readonly effects: RecipeEffects;
  readonly streams: Streams;
}

/** The result of a step. */
export interface StepOutcome {
  /** Whether the weights were updated. A step with overflowed gradients changes only the loss scale. */
  readonly moved: boolean;
  /** Means over the step's batches, before its update. Read late, so that the engine can continue. */
  readonly metrics: Promise<Metrics>;
}

/** Takes optimizer steps: the gradients of one or more batches, in the recipe's precision, and the update. */
export class Stepper {
  #lossScale: LossScale;
  readonly #changes: ReturnType<RecipeEffects['gradientChanges']>;
  readonly #update: Update;

  constructor(
    private readonly recipe: Recipe,
    private readonly parts: StepParts,
  ) {
    const { precision } = recipe;
    const { effects, optimizer, streams } = parts;
    this.#changes = effects.gradientChanges(streams);
    this.#update = effects.update((...step) => optimizer.step(...step), streams);
    this.#lossScale =
      precision.compute === 'float16'
        ? initialLossScale(precision.lossScale)
        : { scale: 1, growthTracker: 0, overflows: 0 };
  }

  /** The state of the loss scale. The scale is 1 without loss scaling. */
  get lossScale(): LossScale {
    return this.#lossScale;
  }

  /** Restores the state of the loss scale. */
  restore(lossScale: LossScale): void {
    this.#lossScale = lossScale;
  }

  /** Takes one step on the mean loss of `batches`. The caller keeps owning them. */
  async take(batches: readonly BatchTensors[], learningRate: number): Promise<StepOutcome> {
    const step = this.parts.passes.begin(batches);
    try {
      return await this.#take(step, batches.length, learningRate);
    } finally {
      step.dispose();
    }
  }

  async #take(step: StepPasses, batches: number, learningRate: number): Promise<StepOutcome> {
    const { network, average } = this.parts;
    const { precision } = this.recipe;
    const isScaled = precision.compute === 'float16';
    const held = isScaled ? network.holdBuffers() : null;
    const { gradients: first, metrics, moved: firstMoved } = await this.#meanGradients(step, batches);
    let gradients = first;
    let moved = firstMoved;
    for (const change of this.#changes) {
      if (!moved) break;
      const passAgain = async () => {
        const again = await this.#meanGradients(step, batches);
        moved &&= again.moved;
        return again.gradients;
      };
      gradients = await change({ network, gradients, passAgain });
    }
    if (moved) {
      this.#update(network, gradients, learningRate);
      average?.update(network);
      held?.dispose();
    } else {
      held?.restore();
    }
    disposeGradients(gradients);
    if (precision.compute === 'float16') {
      this.#lossScale = nextLossScale(precision.lossScale, this.#lossScale, !moved);
    }
    return { moved, metrics };
  }

  /**
   * Returns the gradients of the mean loss of all batches, like torch.amp.GradScaler with accumulation: each batch's
   * loss is divided by the number of batches and then scaled. The accumulated gradients are checked for values that are
   * not finite, then unscaled in float32.
   */
  async #meanGradients(
    step: StepPasses,
    batches: number,
  ): Promise<PassedBatches & Pick<StepOutcome, 'moved'>> {
    const { scale } = this.#lossScale;
    const { gradients, metrics } = await step.pass(scale / batches);
    if (this.recipe.precision.compute !== 'float16') return { gradients, metrics, moved: true };
    const moved = await allFinite(gradients.values());
    const inverse = Math.fround(1 / scale);
    return {
      gradients: inverse === 1 ? gradients : mapGradients(gradients, (gradient) => tf.mul(gradient, inverse)),
      metrics,
      moved,
    };
  }
}
