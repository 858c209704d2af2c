import { type StepMemory, stepMemory } from '../models/stepMemory';
import { assertNever } from '../shared/assertNever';
import { graphOf } from './draft';
import type { OptimizerRecipe, Recipe } from './recipe';

/**
 * What a step of a recipe's training holds in memory, estimated, by how it comes by its precision. Batches of a step
 * come in turn.
 */
export function memoryOf(recipe: Recipe, execution: 'native' | 'emulated'): StepMemory {
  const { model, data, optimizer, averaging, gradients, precision } = recipe;
  const isHalf = precision.compute !== 'float32' && execution === 'native';
  return stepMemory(graphOf({ model, data }), {
    statesPerWeight:
      slotsOf(optimizer) +
      (averaging ? 1 : 0) +
      // The sum of the batches before.
      (gradients.accumulation > 1 ? 1 : 0) +
      // The weights that the gradient is taken away from.
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
