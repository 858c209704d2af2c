import * as l10n from '@vscode/l10n';
import { batchBytes } from '../models/stepMemory';
import { type Draft, effectiveBatchOf, finalize, halfExecutionOf } from '../recipe/draft';
import { memoryOf } from '../recipe/recipeMemory';
import { formatBytes } from '../shared/format';

/**
 * Returns the estimated change that a trick makes to a step's memory for the same number of images, such as 'memory 812
 * MiB to 406 MiB'. Null if it stays the same. If the engine may compute half precision natively or emulate it and that
 * makes a difference, returns the change for native half precision.
 */
export function memoryChange(without: Draft, withIt: Draft): string | null {
  const execution = halfExecutionOf(withIt.engine);
  if (execution !== 'emulated_unless_native') return changeBy(execution, without, withIt);
  const native = changeBy('native', without, withIt);
  if (native === null || native === changeBy('emulated', without, withIt)) return native;
  return l10n.t('{0} with native half precision', native);
}

function changeBy(execution: 'native' | 'emulated', without: Draft, withIt: Draft): string | null {
  const before = batchBytes(memoryOf(finalize(without), execution), batchWithout(without, withIt));
  const after = batchBytes(memoryOf(finalize(withIt), execution), withIt.data.batchSize);
  if (before === after) return null;
  const [from, to] = [before, after].map(formatBytes);
  if (from !== to) return l10n.t('memory {0} to {1}', from ?? '', to ?? '');
  return l10n.t('memory {0}{1}', after > before ? '+' : '\u2212', formatBytes(Math.abs(after - before)));
}

/** Returns the batch size without a trick whose step learns from the same number of images. */
function batchWithout(without: Draft, withIt: Draft): number {
  return effectiveBatchOf(withIt) / without.gradients.accumulation;
}
