// @ts-check
// Where benchmarks find the engines that are not in the package.
import { enginesEnvironment } from './engines.mjs';
import { loadModule } from './loadModule.mjs';

/**
 * Chooses the folder of engines: the one that BAG_OF_TRICKS_ENGINES names, otherwise the user's, where
 * `tricks engine install` puts engines, otherwise the tests'. A folder without an engine is skipped, unless it is named.
 * Without an engine anywhere, the user's.
 * @param {{ named: string | undefined, user: string, tests: string }} folders
 * @param {(folder: string) => boolean} hasEngine
 * @returns {string}
 */
export function chosenEngines({ named, user, tests }, hasEngine) {
  if (named) return named;
  return [user, tests].find(hasEngine) ?? user;
}

/**
 * The environment in which a benchmark finds engines. Prints their folder.
 * @returns {Promise<{ BAG_OF_TRICKS_ENGINES: string }>}
 */
export async function benchEnginesEnvironment() {
  const { enginesFolder, findInManaged, NATIVE_ENGINES } = await loadModule('src/engines/installations.ts');
  const folders = {
    named: process.env.BAG_OF_TRICKS_ENGINES,
    user: enginesFolder(),
    tests: enginesEnvironment.BAG_OF_TRICKS_ENGINES,
  };
  /** @param {string} folder */
  const installed = (folder) =>
    NATIVE_ENGINES.filter((/** @type {string} */ engine) => findInManaged(engine, folder) !== null);
  const folder = chosenEngines(folders, (each) => installed(each).length > 0);
  console.log(`Engines from ${folder}: ${installed(folder).join(', ') || 'none installed'}`);
  return { BAG_OF_TRICKS_ENGINES: folder };
}
