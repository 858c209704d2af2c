import * as l10n from '@vscode/l10n';
import { chooseEngine, engineStates } from '../engines/choice';
import type { EnginePlaces } from '../engines/installations';
import type { EngineReport } from '../protocol/events';
import type { EngineName, EngineRequest } from '../recipe/engineNames';
import type { HalfFormat } from './precision/formats';

export type { EngineName, EngineRequest };

/** What of an engine a run's log and manifest have. */
export function reportOf({ name, description, because }: Engine): EngineReport {
  return { name, description, ...(because && { because }) };
}

/** The engine that computes, as seen after it was loaded. */
export interface Engine {
  readonly name: EngineName;
  /** What it runs on, such as `WebAssembly, SIMD, 1 thread`. */
  readonly description: string;
  /** Version by component: `node`, `tfjs`, and what else the engine consists of. */
  readonly versions: Readonly<Record<string, string>>;
  /** The half formats that it computes in; absent where it emulates both. */
  readonly halfFormats?: readonly HalfFormat[];
  /** Why `auto` took it, in sentences; absent where it was named. */
  readonly because?: readonly string[];
  /** The engine with each batch cut among some threads (see ../parallel); absent where it uses all by itself. */
  readonly onThreads?: (count: number) => Engine;
}

/** An engine that this machine or this installation cannot run. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';

  constructor(
    readonly engine: EngineName,
    readonly reason: string,
    readonly remedy = l10n.t('Choose another engine in the experiment, or auto.'),
    options?: ErrorOptions,
  ) {
    super(l10n.t('The engine "{0}" could not be loaded: {1}', engine, reason), options);
  }
}

/**
 * Loads an engine and makes it the one that TensorFlow.js computes with. `auto` takes the fastest that works.
 *
 * @param places Where to look for engines that are not in the package.
 * @throws {EngineUnavailableError} when it cannot run here.
 */
export async function loadEngine(request: EngineRequest, places: EnginePlaces = {}): Promise<Engine> {
  return request === 'auto' ? loadFastest(places) : loadNamed(request, places);
}

/** The fastest engine that works: tried in a process of its own first, which a crash would end. */
async function loadFastest(places: EnginePlaces): Promise<Engine> {
  const states = await engineStates(places);
  const { engine, because } = chooseEngine(states);
  for (const sentence of because) console.log(sentence);
  try {
    return { ...(await loadNamed(engine, places)), because };
  } catch (error) {
    if (!(error instanceof EngineUnavailableError) || engine === 'wasm') throw error;
    console.log(error.message);
    return { ...(await loadNamed('wasm', places)), because: [error.message] };
  }
}

async function loadNamed(name: EngineName, places: EnginePlaces): Promise<Engine> {
  try {
    return await load(name, places);
  } catch (error) {
    if (error instanceof EngineUnavailableError) throw error;
    throw new EngineUnavailableError(name, messageOf(error), undefined, { cause: error });
  }
}

/** Each engine is imported when asked for, so that none but the one in use is read from disk. */
async function load(name: EngineName, places: EnginePlaces): Promise<Engine> {
  switch (name) {
    case 'webgpu':
      return (await import('./webgpu/webgpu')).loadWebgpu();
    case 'tensorflow-gpu':
    case 'tensorflow':
      return (await import('./tensorflow/tensorflow')).loadTensorflow(name, places);
    case 'wasm':
      return (await import('./wasm/wasm')).loadWasm();
    case 'cpu':
      return (await import('./cpu/cpu')).loadCpu();
    default:
      return name satisfies never;
  }
}

/** TensorFlow.js rejects with plain objects as well as with errors. */
function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
