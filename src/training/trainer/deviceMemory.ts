import * as l10n from '@vscode/l10n';
import type { DeviceMemoryError } from '../../backends/deviceError';
import { batchBytes, type StepMemory } from '../../models/stepMemory';
import type { Recipe } from '../../recipe/recipe';
import { memoryOf } from '../../recipe/recipeMemory';
import type { Failure } from '../../shared/failure';
import { roughBytes } from '../../shared/format';

/** Bytes that the backend allocates per byte of tensors: it reuses a buffer only for one of the same size. Measured. */
const ALLOCATED_PER_HELD = 2.2;

/** About what a step takes of a GPU by webgpu, good to a third. */
export function webgpuStepMemory(recipe: Recipe): StepMemory {
  const { fixedBytes, bytesPerImage } = memoryOf(recipe, 'emulated');
  return { fixedBytes: ALLOCATED_PER_HELD * fixedBytes, bytesPerImage: ALLOCATED_PER_HELD * bytesPerImage };
}

/** What a device's lack of memory means for a training: how much it needs, and which batch would fit. */
export function memoryFailure(error: DeviceMemoryError, recipe: Recipe): Failure {
  const { batchSize } = recipe.data;
  const memory = webgpuStepMemory(recipe);
  const { heldBytes, wantedBytes, limitBytes } = error;
  // By all that the device gave, and by what it allows one tensor.
  const byAll = (heldBytes - memory.fixedBytes) / memory.bytesPerImage;
  const byTensor = (batchSize * limitBytes) / wantedBytes;
  const isTooLarge = wantedBytes > limitBytes;
  const fitting = largestPowerOfTwo(Math.min(isTooLarge ? byTensor : byAll, batchSize / 2));
  const needed = Math.max(batchBytes(memory, batchSize), heldBytes + wantedBytes);
  return {
    what: isTooLarge
      ? l10n.t(
          'A step of {0} images needs a tensor of {1}, and the GPU allows no more than {2}.',
          batchSize,
          roughBytes(wantedBytes),
          roughBytes(limitBytes),
        )
      : l10n.t(
          'The GPU ran out of memory: a step of {0} images needs about {1}, and there were {2}.',
          batchSize,
          roughBytes(needed),
          roughBytes(heldBytes),
        ),
    remedy:
      fitting === null
        ? l10n.t('Free memory of the GPU and resume the run, or choose a smaller model or another engine.')
        : l10n.t(
            'A data.batch_size of {0} would fit; gradient_accumulation makes up for the rest. Or free memory of the GPU and resume the run.',
            fitting,
          ),
  };
}

/** Null where there is none from 1 on. */
function largestPowerOfTwo(most: number): number | null {
  return most < 1 ? null : 2 ** Math.floor(Math.log2(most));
}
