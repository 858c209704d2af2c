import * as l10n from '@vscode/l10n';
import type { Failure } from '../shared/failure';
import type { Installation } from './installations';
import { binarySystemOf } from './libraryFault';
import { explainLoadError, explainMissingAddon, installAgain } from './loadError';
import { CUDA_12_DRIVER, findDriverProblem, hasNvidiaCard } from './nvidia';
import type { Probe } from './probe';
import { cachedProbe } from './probeCache';

/** The result of trying an installation on this machine. */
export type Trial =
  | { readonly outcome: 'works'; readonly probe: Extract<Probe, { ok: true }>; readonly addonPath: string }
  /** The installation may be fine, but the machine lacks the device that it computes on. */
  | { readonly outcome: 'no device'; readonly failure: Failure }
  | { readonly outcome: 'broken'; readonly failure: Failure }
  /** Other users can change it. */
  | { readonly outcome: 'refused'; readonly failure: Failure };

/**
 * Tries an installation in a child process, unless the result is already known. tensorflow-gpu works only if it
 * computes on a GPU.
 *
 * @throws the signal's reason if aborted
 */
export async function tryOut(installation: Installation, signal?: AbortSignal): Promise<Trial> {
  const { engine, addonPath, problem: seen } = installation;
  if (seen) return { outcome: seen.kind, failure: seen.failure };
  const isForGpu = engine === 'tensorflow-gpu';
  const broken = (failure: Failure): Trial => ({ outcome: 'broken', failure });
  if (addonPath === null) return broken(explainMissingAddon(installation));
  if (isForGpu) {
    const problem = await findDriverProblem(hasCuda12(installation) ? CUDA_12_DRIVER : null, signal);
    if (problem)
      return (await hasNvidiaCard()) ? broken(problem) : { outcome: 'no device', failure: problem };
  }
  const probe = await cachedProbe({ ...installation, addonPath }, signal);
  if (!probe.ok) {
    if (probe.loadError !== null) {
      return broken(explainLoadError(probe.loadError, installation, await binarySystemOf(addonPath)));
    }
    const remedy = l10n.t('{0} Or choose the engine wasm.', installAgain(installation));
    return broken({ what: probe.reason, remedy });
  }
  const { gpu } = probe;
  if (!isForGpu || gpu.used) return { outcome: 'works', probe, addonPath };
  if (gpu.lacks === 'library') return broken({ what: gpu.why, remedy: installAgain(installation) });
  const remedy = l10n.t('Choose another engine in the experiment, or auto.');
  return { outcome: 'no device', failure: { what: gpu.why, remedy } };
}

/**
 * Whether the installation includes CUDA's libraries. Without them, it may accept an older driver, which only its
 * library can tell.
 */
function hasCuda12({ versions }: Installation): boolean {
  return 'nvidia-cuda-runtime-cu12' in versions;
}
