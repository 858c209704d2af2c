import type { Recipe } from '../../recipe/recipe';
import type { ImageSize } from '../data/augment';
import type { Network } from '../network/network';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';
import type { Streams } from '../streams';
import { classWeights } from './classWeights';
import { distillation } from './distillation';
import type {
  Average,
  Effect,
  GradientEffect,
  LossFunction,
  MutableBatch,
  Predictor,
  Update,
} from './effect';
import { erasing } from './erasing';
import { gradientClipping } from './gradientClipping';
import { labelSmoothing } from './labelSmoothing';
import { mixing } from './mixing';
import { sharpnessAware } from './sharpnessAware';
import { weightAverage } from './weightAverage';

/** All effects that a recipe may request, in the order of execution within a phase. */
export const EFFECTS: readonly Effect[] = [
  erasing,
  labelSmoothing,
  mixing,
  classWeights,
  distillation,
  sharpnessAware,
  gradientClipping,
  weightAverage,
];

/** The effects of a recipe, combined by phase. `effects` lists the available ones. */
export class RecipeEffects {
  constructor(
    private readonly recipe: Recipe,
    private readonly effects: readonly Effect[] = EFFECTS,
  ) {}

  /** Returns a function that changes a batch in place. */
  batchChange(streams: Streams): (batch: MutableBatch, size: ImageSize) => void {
    const changes = this.#of('batch').flatMap((effect) => effect.of(this.recipe, streams) ?? []);
    return (batch, size) => {
      for (const change of changes) change(batch, size);
    };
  }

  /** Returns the cross entropy with the targets, wrapped by the effects. */
  loss(): LossFunction {
    return wrapped<LossFunction>(
      softmaxCrossEntropy,
      this.#of('loss').flatMap((effect) => effect.of(this.recipe) ?? []),
    );
  }

  /** Returns the gradient changes, in order. */
  gradientChanges(streams: Streams): readonly NonNullable<ReturnType<GradientEffect['of']>>[] {
    return this.#of('gradients').flatMap((effect) => effect.of(this.recipe, streams) ?? []);
  }

  /** Returns the optimizer's update, wrapped by the effects. */
  update(update: Update, streams: Streams): Update {
    return wrapped(
      update,
      this.#of('update').flatMap((effect) => effect.of(this.recipe, streams) ?? []),
    );
  }

  /** Returns the average of the weights that the recipe keeps, if any. Checkpoints have room for only one. */
  average(network: Network): Average | null {
    const [start, ...others] = this.#of('averaging').flatMap((effect) => effect.of(this.recipe) ?? []);
    if (others.length > 0) throw new Error('A training keeps one average of its weights');
    return start?.(network) ?? null;
  }

  /** Returns the predictor for validation images, wrapped by the effects. */
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

/** Wraps `inner` in the first wrapper, the result in the next, and so on. */
function wrapped<Wrapped>(inner: Wrapped, wraps: readonly ((inner: Wrapped) => Wrapped)[]): Wrapped {
  return wraps.reduce((result, wrap) => wrap(result), inner);
}
