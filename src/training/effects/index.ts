import type { Recipe } from '../../recipe/recipe';
import type { ImageSize } from '../data/augment';
import type { Predictor } from '../loop/evaluation';
import type { Network } from '../network/network';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';
import type { Streams } from '../streams';
import { distillation } from './distillation';
import type { Average, Effect, GradientEffect, LossFunction, MutableBatch, Update } from './effect';
import { erasing } from './erasing';
import { gradientClipping } from './gradientClipping';
import { labelSmoothing } from './labelSmoothing';
import { mixing } from './mixing';
import { sharpnessAware } from './sharpnessAware';
import { weightAverage } from './weightAverage';

/** Every effect that a recipe may ask for, in the order in which those of a phase work. */
export const EFFECTS: readonly Effect[] = [
  erasing,
  labelSmoothing,
  mixing,
  distillation,
  sharpnessAware,
  gradientClipping,
  weightAverage,
];

/** What a recipe's effects come to, by phase. `effects` are those that there are. */
export class RecipeEffects {
  constructor(
    private readonly recipe: Recipe,
    private readonly effects: readonly Effect[] = EFFECTS,
  ) {}

  /** The streams of random numbers that effects draw from, those of effects that the recipe does without included. */
  get streams(): readonly string[] {
    return this.#of('batch').flatMap(({ stream }) => stream ?? []);
  }

  /** Changes a batch in place. */
  batchChange(streams: Streams): (batch: MutableBatch, size: ImageSize) => void {
    const changes = this.#of('batch').flatMap((effect) => effect.of(this.recipe, streams) ?? []);
    return (batch, size) => {
      for (const change of changes) change(batch, size);
    };
  }

  /** The cross entropy under the targets, and what effects make of it. */
  loss(): LossFunction {
    return wrapped<LossFunction>(
      softmaxCrossEntropy,
      this.#of('loss').flatMap((effect) => effect.of(this.recipe) ?? []),
    );
  }

  /** Changes of gradients, in turn. */
  gradientChanges(): readonly NonNullable<ReturnType<GradientEffect['of']>>[] {
    return this.#of('gradients').flatMap((effect) => effect.of(this.recipe) ?? []);
  }

  /** The optimizer's update, and what effects make of it. */
  update(update: Update): Update {
    return wrapped(
      update,
      this.#of('update').flatMap((effect) => effect.of(this.recipe) ?? []),
    );
  }

  /** The average that the recipe keeps of its weights, if any. */
  average(network: Network): Average | null {
    const [start] = this.#of('averaging').flatMap((effect) => effect.of(this.recipe) ?? []);
    return start?.(network) ?? null;
  }

  /** What is asked about validation images. */
  predictor(network: Predictor): Predictor {
    return wrapped(
      network,
      this.#of('evaluation').flatMap((effect) => effect.of(this.recipe) ?? []),
    );
  }

  #of<Phase extends Effect['phase']>(phase: Phase): Extract<Effect, { phase: Phase }>[] {
    return this.effects.filter(
      (effect): effect is Extract<Effect, { phase: Phase }> => effect.phase === phase,
    );
  }
}

/** The first goes around `inner`, the next one around that. */
function wrapped<Wrapped>(inner: Wrapped, wraps: readonly ((inner: Wrapped) => Wrapped)[]): Wrapped {
  return wraps.reduce((result, wrap) => wrap(result), inner);
}
