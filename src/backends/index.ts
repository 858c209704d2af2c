import { chooseEngine, engineStates } from '../engines/choice';
import type { EnginePlaces } from '../engines/installations';
import type { EngineName, EngineRequest } from '../recipe/engineNames';
import { assertNever } from '../shared/assertNever';
import { messageOf } from '../shared/failure';
import { UserError } from '../shared/userError';
import { type Engine, engineUnavailable } from './backend';

/**
 * Loads an engine and makes it the TensorFlow.js backend. `auto` takes the fastest that works.
 *
 * @param places Where to look for engines that are not in the package.
 * @throws {UserError} if the engine cannot run here.
 */
export async function loadEngine(request: EngineRequest, places: EnginePlaces = {}): Promise<Engine> {
  return request === 'auto' ? loadFastest(places) : loadNamed(request, places);
}

/** Loads the fastest engine that works. Tries each in a separate process first, because a crash would end this one. */
async function loadFastest(places: EnginePlaces): Promise<Engine> {
  const states = await engineStates(places);
  const { engine, because } = chooseEngine(states);
  for (const sentence of because) console.log(sentence);
  try {
    return { ...(await loadNamed(engine, places)), because };
  } catch (error) {
    if (!(error instanceof UserError) || engine === 'wasm') throw error;
    const { what } = error.failure;
    console.log(what);
    return { ...(await loadNamed('wasm', places)), because: [what] };
  }
}

async function loadNamed(name: EngineName, places: EnginePlaces): Promise<Engine> {
  try {
    return await load(name, places);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw engineUnavailable(name, messageOf(error), undefined, { cause: error });
  }
}

/** Imports an engine on request, so that only the one in use is read from disk. */
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
      return assertNever(name);
  }
}
