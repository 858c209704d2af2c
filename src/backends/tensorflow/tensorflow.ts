import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import { type FormatState, formatStates, slowFormatText } from '../../engines/formats';
import {
  type EnginePlaces,
  findInstallations,
  type Installation,
  type NativeEngine,
} from '../../engines/installations';
import { binarySystemOf } from '../../engines/libraryFault';
import { explainLoadError, explainMissingAddon } from '../../engines/loadError';
import { CUDA_12_DRIVER, findDriverProblem, gpuEnvironment } from '../../engines/nvidia';
import { cachedStepProbe } from '../../engines/probeCache';
import { processorFlags } from '../../engines/processor';
import { notInstalled } from '../../engines/systems';
import { tryOut } from '../../engines/trial';
import { TENSORFLOW_THREADS, threadsIn } from '../../protocol/trainer';
import { counted } from '../../shared/counted';
import type { Failure } from '../../shared/failure';
import { type Engine, engineUnavailable } from '../backend';
import { HALF_FORMATS, type HalfFormat } from '../precision/formats';
import { TensorflowBackend } from './backend';
import { type Binding, loadBinding } from './binding';
import { compilesHalves, computesIn } from './halfFormats';
import { registerKernels } from './kernels';
import { BACKEND_NAME } from './kernels/register';

/** A library loaded into this process, and the GPU it computes on. */
interface Loaded {
  readonly engine: NativeEngine;
  readonly binding: Binding;
  readonly addonPath: string;
  /** The GPU's name, empty if unknown. Null on the CPU. */
  readonly gpu: string | null;
}

/** The library of this process. A second one would share the symbols of the first. */
let loaded: Loaded | null = null;

type SlowFormats = Partial<Record<HalfFormat, FormatState>>;

/** The slow formats of this process's library. */
let slowFormats: SlowFormats = {};

/**
 * Loads TensorFlow's own library, from the workspace's packages or from the managed installation. `tensorflow` runs on
 * all CPU cores with oneDNN's kernels, `tensorflow-gpu` on an NVIDIA GPU with CUDA.
 */
export async function loadTensorflow(name: NativeEngine, places: EnginePlaces = {}): Promise<Engine> {
  if (loaded && loaded.engine !== name) {
    throw engineUnavailable(name, l10n.t('This process already uses {0}.', loaded.engine));
  }
  if (!loaded) {
    loaded = await loadFirst(name, places);
    const backend = new TensorflowBackend(loaded.binding);
    registerKernels();
    tf.registerBackend(BACKEND_NAME, () => backend);
    await tf.setBackend(BACKEND_NAME);
    if (name === 'tensorflow') {
      const computed = HALF_FORMATS.filter(computesIn);
      slowFormats = await slowFormatsOf(loaded.addonPath);
      backend.halfFormats = computed.filter((format) => slowFormats[format]?.execution !== 'emulated');
      backend.compilesHalves = compilesHalves(loaded.binding.TF_Version, await processorFlags());
    }
  }
  await tf.setBackend(BACKEND_NAME);
  const { TF_Version: version } = loaded.binding;
  const { halfFormats } = tf.backend() as TensorflowBackend;
  return {
    name,
    description: descriptionOf(loaded),
    ...(loaded.gpu === null && { threads: threadsHere() }),
    halfFormats,
    slowFormats: textsOf(slowFormats),
    versions: { node: process.versions.node, tfjs: tf.version_core, tensorflow: version },
  };
}

/**
 * Returns the formats in which a training step is slower than in float32. It times a full step, because oneDNN may have
 * a fast kernel for the forward pass only.
 */
async function slowFormatsOf(addonPath: string): Promise<SlowFormats> {
  const states = formatStates(await cachedStepProbe(addonPath));
  return Object.fromEntries(
    states.filter((state) => slowFormatText(state) !== null).map((state) => [state.format, state]),
  );
}

function textsOf(slow: SlowFormats): NonNullable<Engine['slowFormats']> {
  return Object.fromEntries(
    Object.entries(slow).flatMap(([format, state]) => {
      const text = slowFormatText(state);
      return text === null ? [] : [[format, text]];
    }),
  );
}

/** Returns the number of TensorFlow threads: the value of the environment variable, else one per core. */
function threadsHere(): number {
  return threadsIn(process.env, TENSORFLOW_THREADS) ?? availableParallelism();
}

function descriptionOf({ binding, gpu }: Loaded): string {
  const { TF_Version: version } = binding;
  if (gpu === null) {
    return l10n.t('TensorFlow {0} on the CPU, {1}', version, counted(threadsHere(), 'thread'));
  }
  return gpu === ''
    ? l10n.t('TensorFlow {0} on a GPU', version)
    : l10n.t('TensorFlow {0} on the GPU {1}', version, gpu);
}

/** Loads the addon of the first installation that works. */
async function loadFirst(name: NativeEngine, places: EnginePlaces): Promise<Loaded> {
  const failures: Failure[] = [];
  for (const installation of findInstallations(name, places)) {
    const loading = name === 'tensorflow-gpu' ? await loadForGpu(installation) : await load(installation);
    if ('loaded' in loading) return loading.loaded;
    failures.push(loading.failure);
  }
  // Report a driver problem, which an installation would not fix, before a missing installation.
  if (name === 'tensorflow-gpu' && failures.length === 0) {
    const problem = await findDriverProblem(CUDA_12_DRIVER);
    if (problem) failures.push(problem);
  }
  const [failure] = failures;
  if (failure) {
    const reasons = failures.map(({ what }) => what).join(' ');
    throw engineUnavailable(name, reasons, failure.remedy);
  }
  const { what, remedy } = notInstalled(name);
  throw engineUnavailable(name, what, remedy ?? l10n.t('Choose another engine, or auto.'));
}

type Loading = { readonly loaded: Loaded } | { readonly failure: Failure };

async function load(installation: Installation): Promise<Loading> {
  const { addonPath, engine, problem } = installation;
  if (problem) return { failure: problem.failure };
  if (addonPath === null) return { failure: explainMissingAddon(installation) };
  try {
    return { loaded: { engine, binding: loadBinding(addonPath), addonPath, gpu: null } };
  } catch (error) {
    return { failure: explainLoadError(error, installation, await binarySystemOf(addonPath)) };
  }
}

/**
 * Loads the library for the GPU. It requires that a separate process computed on a GPU, and that the library finds a
 * GPU in this process too.
 */
async function loadForGpu(installation: Installation): Promise<Loading> {
  const trial = await tryOut(installation);
  if (trial.outcome !== 'works') return { failure: trial.failure };
  Object.assign(process.env, gpuEnvironment());
  const loading = await load(installation);
  if ('failure' in loading) return loading;
  if (!loading.loaded.binding.isUsingGpuDevice()) {
    return {
      failure: {
        what: l10n.t('TensorFlow sees no GPU in this process, but saw one in another.'),
        remedy: l10n.t('Choose another engine in the experiment, or auto.'),
      },
    };
  }
  const { gpu } = trial.probe;
  return { loaded: { ...loading.loaded, gpu: (gpu.used && gpu.name) || '' } };
}
