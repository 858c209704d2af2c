import * as l10n from '@vscode/l10n';
import type { GpuReport } from './events';

/** Formats GPUs for a person: `GPU 1, NVIDIA H100`. The word is the same in every language. */
export function gpuText(gpus: readonly GpuReport[]): string {
  return gpus.map(({ index, name }) => `GPU ${index}, ${name}`).join('; ');
}

/** What a person reads while a run waits for a GPU that others use. */
export function waitingForGpuText(): string {
  return l10n.t('Waiting for a free GPU');
}
