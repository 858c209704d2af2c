import * as l10n from '@vscode/l10n';
import type { DeviceMemoryError } from '../../backends/deviceError';
import { batchBytes, type StepMemory } from '../../models/stepMemory';
import type { Recipe } from '../../recipe/recipe';
import { memoryOf } from '../../recipe/recipeMemory';
import { counted } from '../../shared/counted';
import type { Failure } from '../../shared/failure';
import { roughBytes } from '../../shared/format';

/**
 * Bytes that the backend allocates per byte of tensors, an empirical value. The backend reuses a buffer only for one of
 * the same size. See docs/performance.md.
 */
const ALLOCATED_PER_HELD = 2.2;

/** Estimates a step's GPU memory on webgpu, accurate to within a third. */
export function webgpuStepMemory(recipe: Recipe): StepMemory {
  const { fixedBytes, bytesPerImage } = memoryOf(recipe, 'emulated');
  return { fixedBytes: ALLOCATED_PER_HELD * fixedBytes, bytesPerImage: ALLOCATED_PER_HELD * bytesPerImage };
}

/** Explains a training's failure from lack of device memory: how much it needs, and which batch size would fit. */
export function memoryFailure(error: DeviceMemoryError, recipe: Recipe): Failure {
  const { batchSize } = recipe.data;
  const memory = webgpuStepMemory(recipe);
  const { heldBytes, wantedBytes, limitBytes } = error;
  // Limited by all memory that the device provided, and by its limit for a single tensor.
  const byAll = (heldBytes - memory.fixedBytes) / memory.bytesPerImage;
  const byTensor = (batchSize * limitBytes) / wantedBytes;
  const isTooLarge = wantedBytes > limitBytes;
  const fitting = largestPowerOfTwo(Math.min(isTooLarge ? byTensor : byAll, batchSize / 2));
  const needed = Math.max(batchBytes(memory, batchSize), heldBytes + wantedBytes);
  return {
    what: isTooLarge
      ? l10n.t(
          'A step of {0} needs a tensor of {1}, but the GPU allows at most {2}.',
          counted(batchSize, 'image'),
          roughBytes(wantedBytes),
          roughBytes(limitBytes),
        )
      : l10n.t(
          'The GPU ran out of memory: a step of {0} needs about {1}, but {2} were available.',
          counted(batchSize, 'image'),
          roughBytes(needed),
          roughBytes(heldBytes),
        ),
    remedy:
      fitting === null
        ? l10n.t('Free GPU memory and resume the run, or choose a smaller model or another engine.')
        : l10n.t(
            'A data.batch_size of {0} would fit. Use gradient_accumulation to keep the effective batch size. Or free GPU memory and resume the run.',
            fitting,
          ),
  };
}

/** Returns null if there is none of at least 1. */
function largestPowerOfTwo(most: number): number | null {
  return most < 1 ? null : 2 ** Math.floor(Math.log2(most));
}
