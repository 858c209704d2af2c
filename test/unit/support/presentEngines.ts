import { findDawn, SOFTWARE_GPU } from '../../../src/engines/dawn';
import { findInstallations } from '../../../src/engines/installations';
import { ENGINE_NAMES, type EngineName, HALF_PRECISION } from '../../../src/recipe/engineNames';

/** Whether webgpu has an adapter here: SwiftShader, or a GPU that the tests are configured for. */
const hasAdapter =
  findDawn() !== null &&
  (process.env[SOFTWARE_GPU] !== undefined || process.env.BAG_OF_TRICKS_TEST_GPU === 'hardware');

/**
 * The engines on this machine: those in the package, those installed as by `tricks engine install`, and SwiftShader for
 * webgpu. `npm run verify` provides the latter two before it tests. BAG_OF_TRICKS_TEST_ENGINES names others, such as
 * `tensorflow-gpu,webgpu`: these must then be present. A process has only one of TensorFlow's two libraries.
 */
export const PRESENT_ENGINES: readonly EngineName[] = named() ?? [
  'cpu',
  'wasm',
  ...(hasAdapter ? (['webgpu'] as const) : []),
  ...(findInstallations('tensorflow').length > 0 ? (['tensorflow'] as const) : []),
];

/** The engine among them that computes in half precision, if the processor does. */
export const HALF_ENGINE = PRESENT_ENGINES.find((name) => HALF_PRECISION[name] !== 'emulated');

function named(): EngineName[] | null {
  const names = process.env.BAG_OF_TRICKS_TEST_ENGINES;
  if (!names) return null;
  return names.split(',').map((each) => {
    const name = ENGINE_NAMES.find((engine) => engine === each);
    if (!name) throw new Error(`BAG_OF_TRICKS_TEST_ENGINES names ${each}, which is no engine`);
    return name;
  });
}
