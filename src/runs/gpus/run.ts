import * as l10n from '@vscode/l10n';
import { waitingForGpuText } from '../../protocol/stateName';
import { runsPerGpu } from '../../protocol/trainer';
import { gpuText } from '../../shared/format';
import { UserError } from '../../shared/userError';
import type { Gpu } from '../../system/gpus/gpu';
import { gpuVariables } from '../../system/gpus/visible';
import type { RunRecord } from '../trainer/runRecord';
import { takeGpus } from './leases';
import type { GpuNeed } from './need';

/** What a run of this process has of the machine's GPUs. */
export interface RunGpus {
  /** Changes to the environment of the program that trains. A variable that is undefined must be removed. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Gives the GPUs back. */
  release(): Promise<void>;
}

/**
 * Takes the GPUs that a run needs and records them. Waits until they are free.
 *
 * @param all all GPUs of this machine
 * @throws UserError if it cannot have them; the signal's reason
 */
export async function takeRunGpus(
  record: RunRecord,
  need: GpuNeed,
  all: readonly Gpu[],
  signal: AbortSignal,
): Promise<RunGpus> {
  if (need.kind === 'impossible') throw new UserError(need.failure);
  if (need.kind === 'none') {
    await record.recordGpus([]);
    return { variables: {}, release: async () => {} };
  }
  const request = {
    need,
    most: runsPerGpu(process.env),
    runFolder: record.folder,
    attempt: record.lease.attempt,
  };
  const tell = (what: string) => record.record({ type: 'preparing', time: Date.now(), what, share: null });
  const held = await takeGpus(request, signal, () => {
    // If the log cannot be written, the next event reports it.
    tell(waitingForGpuText()).catch(() => {});
  });
  await record.recordGpus(held.gpus);
  await tell(l10n.t('Using {0}', gpuText(held.gpus)));
  const variables = need.kind === 'these' ? {} : gpuVariables(held.gpus, all, process.env);
  return { variables, release: held.release };
}
