import * as l10n from '@vscode/l10n';
import type { EngineName } from '../recipe/engineNames';
import { assertNever } from '../shared/assertNever';
import { adapterName, dawnMissing, findDawn, isSoftware, onlySoftware } from './dawn';
import { type FormatState, formatStates } from './formats';
import { wheelFor } from './install/pins';
import { type EnginePlaces, findInstallations, type Installation } from './installations';
import { CUDA_12_DRIVER, findDriverProblem, hasNvidiaCard, nvidiaGpus } from './nvidia';
import type { Probe } from './probe';
import { cachedDawnProbe, cachedStepProbe } from './probeCache';
import { type Trial, tryOut } from './trial';
import { isOlder } from './versions';

/** What an engine is on this machine. */
export interface EngineState {
  readonly name: EngineName;
  /** `refused` is one that works and is slower than what `auto` takes instead. */
  readonly status: 'works' | 'missing' | 'broken' | 'refused';
  /** What it is, or what is amiss with it; sentences. */
  readonly detail: string;
  /** What would make it work, or work faster. */
  readonly remedy: string | null;
  readonly folder: string | null;
  /** What half formats are there, by the times of training steps; absent where that is not timed or not known. */
  readonly formats?: readonly FormatState[];
}

/** The engine that `auto` takes, and why. */
export interface EngineChoice {
  readonly engine: EngineName;
  /** One sentence for each engine that was looked at. */
  readonly because: readonly string[];
}

/**
 * Every engine's state, fastest first. Those that depend on the machine are tried in a process of their own, unless it
 * is known how they fare.
 *
 * @throws the signal's reason when aborted
 */
export async function engineStates(places: EnginePlaces = {}, signal?: AbortSignal): Promise<EngineState[]> {
  return [
    await nativeState('tensorflow-gpu', places, signal),
    await webgpuState(signal),
    await nativeState('tensorflow', places, signal),
    {
      name: 'wasm',
      status: 'works',
      detail: l10n.t('WebAssembly, in the package.'),
      remedy: null,
      folder: null,
    },
  ];
}

/** What `auto` takes of these, which are in its order: the first that works. */
export function chooseEngine(states: readonly EngineState[]): EngineChoice {
  const index = states.findIndex(({ status }) => status === 'works');
  const chosen = states[index];
  if (!chosen) throw new Error('The engine wasm is always there');
  const skipped = states
    .slice(0, index)
    .map(({ name, detail, remedy }) =>
      remedy === null
        ? l10n.t('{0} is skipped. {1}', name, detail)
        : l10n.t('{0} would be faster. {1} {2}', name, detail, remedy),
    );
  return { engine: chosen.name, because: [...skipped, l10n.t('{0} works. {1}', chosen.name, chosen.detail)] };
}

async function webgpuState(signal: AbortSignal | undefined): Promise<EngineState> {
  const path = findDawn();
  const state = (
    status: EngineState['status'],
    detail: string,
    remedy: string | null = null,
  ): EngineState => ({
    name: 'webgpu',
    status,
    detail,
    remedy,
    folder: null,
  });
  if (path === null) return state('missing', dawnMissing());
  const probe = await cachedDawnProbe(path, signal);
  switch (probe.outcome) {
    case 'computed':
      return isSoftware(probe.adapter)
        ? state('refused', onlySoftware(probe.adapter))
        : state('works', l10n.t('The GPU {0}.', adapterName(probe.adapter)));
    case 'none':
      return state('missing', probe.reason, probe.remedy);
    case 'broken':
      return state('broken', probe.reason, probe.remedy);
    default:
      return assertNever(probe);
  }
}

async function nativeState(
  engine: Installation['engine'],
  places: EnginePlaces,
  signal: AbortSignal | undefined,
): Promise<EngineState> {
  let first: EngineState | null = null;
  for (const installation of findInstallations(engine, places)) {
    const trial = await tryOut(installation, signal);
    const state = stateAfter(trial, installation);
    if (trial.outcome === 'works') return { ...state, ...(await formatsOf(engine, trial.addonPath, signal)) };
    first ??= state;
  }
  return first ?? (engine === 'tensorflow-gpu' ? gpuMissing(signal) : notInstalled(engine));
}

/** On a GPU formats are not timed. */
async function formatsOf(
  engine: Installation['engine'],
  addonPath: string,
  signal: AbortSignal | undefined,
): Promise<Pick<EngineState, 'formats'>> {
  return engine === 'tensorflow' ? { formats: formatStates(await cachedStepProbe(addonPath, signal)) } : {};
}

function stateAfter(trial: Trial, installation: Installation): EngineState {
  const { engine: name, folder } = installation;
  switch (trial.outcome) {
    case 'works': {
      const { tensorflow, gpu } = trial.probe;
      const detail = l10n.t('TensorFlow {0} {1}.', tensorflow, placeText(gpu));
      return { name, status: 'works', detail, remedy: newerThan(tensorflow, installation), folder };
    }
    case 'no device':
      return { name, status: 'missing', detail: trial.failure.what, remedy: null, folder };
    case 'broken': {
      const { what: detail, remedy } = trial.failure;
      return { name, status: 'broken', detail, remedy, folder };
    }
    default:
      return assertNever(trial);
  }
}

/** How to come by the wheel's library in place of an older one, on the processor, where it was measured to be faster. */
function newerThan(version: string, { engine, origin }: Installation): string | null {
  const wheel = wheelFor(engine);
  if (engine !== 'tensorflow' || origin !== 'managed' || !wheel || !isOlder(version, wheel.version))
    return null;
  const command = `tricks engine install ${engine} --from wheel`;
  return l10n.t('Install TensorFlow {0} in place of {1} with "{2}".', wheel.version, version, command);
}

function placeText(gpu: Extract<Probe, { ok: true }>['gpu']): string {
  if (!gpu.used) return l10n.t('on the processor');
  return gpu.name === null ? l10n.t('on a GPU') : l10n.t('on the GPU {0}', gpu.name);
}

/** Why tensorflow-gpu is not there; without a GPU that it computes on, no installation helps. */
async function gpuMissing(signal: AbortSignal | undefined): Promise<EngineState> {
  const name = 'tensorflow-gpu';
  const missing = (detail: string, remedy: string | null = null): EngineState => ({
    name,
    status: 'missing',
    detail,
    remedy,
    folder: null,
  });
  if (!wheelFor(name))
    return missing(l10n.t('TensorFlow has no library for GPUs on {0} {1}.', process.platform, process.arch));
  const problem = await findDriverProblem(CUDA_12_DRIVER, signal);
  if (problem) return missing(problem.what, (await hasNvidiaCard()) ? problem.remedy : null);
  return (await nvidiaGpus()).length === 0 ? missing(l10n.t('There is no NVIDIA GPU.')) : notInstalled(name);
}

function notInstalled(engine: Installation['engine']): EngineState {
  return {
    name: engine,
    status: 'missing',
    detail: l10n.t('It is not installed.'),
    remedy: l10n.t('Install {0} with "{1}".', engine, `tricks engine install ${engine}`),
    folder: null,
  };
}
