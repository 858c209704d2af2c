import { type StepMemory, stepMemory } from '../models/stepMemory';
import { assertNever } from '../shared/assertNever';
import { graphOf } from './draft';
import type { OptimizerRecipe, Recipe } from './recipe';

/**
 * Estimates the memory of one training step of a recipe, given how its precision is executed. The batches of a step run
 * one after another.
 */
export function memoryOf(recipe: Recipe, execution: 'native' | 'emulated'): StepMemory {
  const { model, data, optimizer, averaging, gradients, precision } = recipe;
  const isHalf = precision.compute !== 'float32' && execution === 'native';
  return stepMemory(graphOf({ model, data }), {
    statesPerWeight:
      slotsOf(optimizer) +
      (averaging ? 1 : 0) +
      // The gradient sum of the earlier batches.
      (gradients.accumulation > 1 ? 1 : 0) +
      // SAM's copy of the unperturbed weights.
      (gradients.sharpnessRadius === null ? 0 : 1),
    bytesPerActivation: isHalf ? 2 : 4,
  });
}

function slotsOf({ name }: OptimizerRecipe): number {
  switch (name) {
    case 'sgd':
    case 'lars':
      return 1;
    case 'adam':
    case 'adamw':
    case 'lamb':
      return 2;
    default:
      return assertNever(name);
  }
}
