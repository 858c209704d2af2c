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

/** Every effect that a recipe may ask for, in the order in which those of a phase work. */
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

/** What a recipe's effects come to, by phase. `effects` are those that there are. */
export class RecipeEffects {
  constructor(
    private readonly recipe: Recipe,
    private readonly effects: readonly Effect[] = EFFECTS,
  ) {}

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
  gradientChanges(streams: Streams): readonly NonNullable<ReturnType<GradientEffect['of']>>[] {
    return this.#of('gradients').flatMap((effect) => effect.of(this.recipe, streams) ?? []);
  }

  /** The optimizer's update, and what effects make of it. */
  update(update: Update, streams: Streams): Update {
    return wrapped(
      update,
      this.#of('update').flatMap((effect) => effect.of(this.recipe, streams) ?? []),
    );
  }

  /** The average that the recipe keeps of its weights, if any: checkpoints have room for one. */
  average(network: Network): Average | null {
    const [start, ...others] = this.#of('averaging').flatMap((effect) => effect.of(this.recipe) ?? []);
    if (others.length > 0) throw new Error('A training keeps one average of its weights');
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
