import type { Recipe } from '../../recipe/recipe';
import type { ImageSize } from '../data/augment';
import { softmaxCrossEntropy } from '../ops/softmaxCrossEntropy';
import type { Streams } from '../streams';
import { distillation } from './distillation';
import type { Average, Effect, GradientEffect, LossFunction, MutableBatch } from './effect';
import { erasing } from './erasing';
import { gradientClipping } from './gradientClipping';
import { labelSmoothing } from './labelSmoothing';
import { mixing } from './mixing';
import { sharpnessAware } from './sharpnessAware';
import { weightAverage } from './weightAverage';

/** Every effect that a recipe may ask for, in the order in which those of a phase work. */
const EFFECTS = [
  erasing,
  labelSmoothing,
  mixing,
  distillation,
  sharpnessAware,
  gradientClipping,
  weightAverage,
] as const satisfies readonly Effect[];

function ofPhase<Phase extends Effect['phase']>(phase: Phase): Extract<Effect, { phase: Phase }>[] {
  return EFFECTS.filter((effect): effect is Extract<Effect, { phase: Phase }> => effect.phase === phase);
}

/** The streams of random numbers that effects draw from, those of effects that a recipe does without included. */
export const EFFECT_STREAMS: readonly string[] = ofPhase('batch').flatMap(({ stream }) => stream ?? []);

/** What a recipe's effects do to a batch, in place. */
export function batchChange(
  recipe: Recipe,
  streams: Streams,
): (batch: MutableBatch, size: ImageSize) => void {
  const changes = ofPhase('batch').flatMap((effect) => effect.of(recipe, streams) ?? []);
  return (batch, size) => {
    for (const change of changes) change(batch, size);
  };
}

/** The loss of a recipe: the cross entropy under the targets, and what effects make of it. */
export function lossOf(recipe: Recipe): LossFunction {
  return ofPhase('loss').reduce<LossFunction>(
    (loss, effect) => effect.of(recipe)?.(loss) ?? loss,
    softmaxCrossEntropy,
  );
}

/** What a recipe's effects do to gradients, in turn. */
export function gradientChanges(recipe: Recipe): readonly NonNullable<ReturnType<GradientEffect['of']>>[] {
  return ofPhase('gradients').flatMap((effect) => effect.of(recipe) ?? []);
}

/** The average that a recipe keeps of its weights, if any. */
export function averageOf(recipe: Recipe): ((network: Parameters<Average['update']>[0]) => Average) | null {
  const [average = null] = ofPhase('averaging').flatMap((effect) => effect.of(recipe) ?? []);
  return average;
}
