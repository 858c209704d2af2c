import { basename } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { EngineName } from '../recipe/engineNames';
import { assertNever } from '../shared/assertNever';
import { adapterName, dawnMissing, findDawn, isSoftware, onlySoftware } from './dawn';
import { type FormatState, formatStates } from './formats';
import { prebuiltFor, wheelFor } from './install/pins';
import { type EnginePlaces, findInstallations, type Installation, type NativeEngine } from './installations';
import { CUDA_12_DRIVER, findDriverProblem, hasNvidiaCard, nvidiaGpus } from './nvidia';
import type { Probe } from './probe';
import { cachedDawnProbe, cachedStepProbe } from './probeCache';
import { notInstalled, notMadeFor } from './systems';
import { type Trial, tryOut } from './trial';
import { isOlder } from './versions';

/** The state of an engine on this machine. */
export interface EngineState {
  readonly name: EngineName;
  /**
   * `refused` means installed but not used: slower than the engine that `auto` chooses instead, or writable by other
   * users.
   */
  readonly status: 'works' | 'missing' | 'broken' | 'refused';
  /** A description, or the problem. In sentences. */
  readonly detail: string;
  /** How to make it work, or work faster. */
  readonly remedy: string | null;
  readonly folder: string | null;
  /** Installations that were tried first and rejected, with the reason. One sentence each. */
  readonly skipped?: readonly string[];
  /** The half formats' states, from training step times. Absent if they are not measured or not known. */
  readonly formats?: readonly FormatState[];
}

/** The engine that `auto` chooses, and why. */
export interface EngineChoice {
  readonly engine: EngineName;
  /** One sentence per engine considered. */
  readonly because: readonly string[];
}

/**
 * Returns the state of every engine, fastest first. Machine-dependent engines are tried in a separate process, unless
 * the result is already known.
 *
 * @throws the signal's reason if aborted
 */
export async function engineStates(places: EnginePlaces = {}, signal?: AbortSignal): Promise<EngineState[]> {
  return [
    await nativeState('tensorflow-gpu', places, signal),
    await webgpuState(signal),
    await nativeState('tensorflow', places, signal),
    {
      name: 'wasm',
      status: 'works',
      detail: l10n.t('WebAssembly, included in the package.'),
      remedy: null,
      folder: null,
    },
  ];
}

/** Returns the engine that `auto` chooses: the first working one in this order. */
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
  const notTaken = states.slice(0, index + 1).flatMap((state) => state.skipped ?? []);
  return {
    engine: chosen.name,
    because: [...skipped, ...notTaken, l10n.t('{0} works. {1}', chosen.name, chosen.detail)],
  };
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
        : state('works', l10n.t('It uses the GPU {0}.', adapterName(probe.adapter)));
    case 'none':
      return state('missing', probe.reason, probe.remedy);
    case 'broken':
      return state('broken', probe.reason, probe.remedy);
    default:
      return assertNever(probe);
  }
}

async function nativeState(
  engine: NativeEngine,
  places: EnginePlaces,
  signal: AbortSignal | undefined,
): Promise<EngineState> {
  const tried: EngineState[] = [];
  for (const installation of findInstallations(engine, places)) {
    const trial = await tryOut(installation, signal);
    const state = stateAfter(trial, installation);
    if (trial.outcome === 'works') {
      const skipped = tried.map(({ detail }) => detail);
      return { ...state, skipped, ...(await formatsOf(engine, trial.addonPath, signal)) };
    }
    tried.push(state);
  }
  const [first, ...others] = tried;
  if (first) return { ...first, skipped: others.map(({ detail }) => detail) };
  return engine === 'tensorflow-gpu' ? gpuMissing(signal) : missing(engine);
}

/** Formats are not timed on a GPU. */
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
      const what = l10n.t('TensorFlow {0} {1}.', tensorflow, placeText(gpu));
      const detail = [what, ...unverifiedText(installation)].join(' ');
      return { name, status: 'works', detail, remedy: newerThan(tensorflow, installation), folder };
    }
    case 'no device':
      return { name, status: 'missing', detail: trial.failure.what, remedy: null, folder };
    case 'broken':
    case 'refused': {
      const { what: detail, remedy } = trial.failure;
      return { name, status: trial.outcome, detail, remedy, folder };
    }
    default:
      return assertNever(trial);
  }
}

/** Lists the files that were installed without verification. */
function unverifiedText({ engine, origin, unverified, versions }: Installation): string[] {
  const prebuilt = prebuiltFor(engine);
  // Installations from before this was recorded.
  const isPrebuilt = origin === 'managed' && prebuilt !== null && versions.tensorflow === prebuilt.version;
  const files = unverified.length > 0 || !isPrebuilt ? unverified : [basename(prebuilt.addon.path)];
  return files.length === 0
    ? []
    : [l10n.t('There is no published hash of {0}, so its contents were not verified.', files.join(', '))];
}

/**
 * Suggests replacing an older library by the wheel's, on the processor, where the wheel's was measured to be faster.
 */
function newerThan(version: string, { engine, origin }: Installation): string | null {
  const wheel = wheelFor(engine);
  if (engine !== 'tensorflow' || origin !== 'managed' || !wheel || !isOlder(version, wheel.version))
    return null;
  const command = `tricks engine install ${engine} --from wheel`;
  return l10n.t('Install TensorFlow {0} instead of {1} with "{2}".', wheel.version, version, command);
}

function placeText(gpu: Extract<Probe, { ok: true }>['gpu']): string {
  if (!gpu.used) return l10n.t('on the CPU');
  return gpu.name === null ? l10n.t('on a GPU') : l10n.t('on the GPU {0}', gpu.name);
}

/** Explains why tensorflow-gpu is missing. Without a GPU that it supports, no installation helps. */
async function gpuMissing(signal: AbortSignal | undefined): Promise<EngineState> {
  const name = 'tensorflow-gpu';
  const because = (detail: string, remedy: string | null = null): EngineState => ({
    ...{ name, status: 'missing', detail, remedy, folder: null },
  });
  if (notMadeFor(name) !== null) return missing(name);
  const problem = await findDriverProblem(CUDA_12_DRIVER, signal);
  if (problem) return because(problem.what, (await hasNvidiaCard()) ? problem.remedy : null);
  return (await nvidiaGpus()).length === 0 ? because(l10n.t('There is no NVIDIA GPU.')) : missing(name);
}

function missing(name: NativeEngine): EngineState {
  const { what: detail, remedy } = notInstalled(name);
  return { name, status: 'missing', detail, remedy, folder: null };
}
