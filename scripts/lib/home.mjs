// @ts-check
// A home folder of the tests' own, so that no test reads or changes the engines, data sets and settings of the person
// who runs it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';

/**
 * The variables that programs use to find a person's folders, and the path of each folder relative to the home folder.
 */
const folders = {
  HOME: '',
  USERPROFILE: '',
  APPDATA: 'AppData/Roaming',
  LOCALAPPDATA: 'AppData/Local',
  XDG_CACHE_HOME: '.cache',
  XDG_CONFIG_HOME: '.config',
  XDG_DATA_HOME: '.local/share',
  XDG_STATE_HOME: '.local/state',
};

/** Holds the private home folder of a process, in its environment and in that of every process it starts. */
const HOME_VARIABLE = 'BAG_OF_TRICKS_TEST_HOME';
const CACHE_VARIABLE = 'BAG_OF_TRICKS_TEST_CACHE';

/**
 * The folder for downloads of scripts and tests: code-server, VS Code, Node releases. BAG_OF_TRICKS_CACHE, else the
 * user's cache, even in a process with a private home.
 */
export const cacheFolder =
  process.env[CACHE_VARIABLE] ||
  process.env.BAG_OF_TRICKS_CACHE ||
  envPaths('bag-of-tricks', { suffix: '' }).cache;

/**
 * Returns the variables that the product reads, without those of the test runners and scripts.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>}
 */
export function productVariables(env) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [name, value] of Object.entries(env)) {
    const ofRunners = /^BAG_OF_TRICKS_((TEST|MARK)(_|$)|(BROWSER|VSCODE|PYTHON)$)/;
    if (name.startsWith('BAG_OF_TRICKS_') && !ofRunners.test(name)) found[name] = value ?? '';
  }
  return found;
}

/**
 * Returns the environment of a process that uses `home` as its home folder and inherits none of the product's
 * variables.
 * @param {string} home
 * @param {NodeJS.ProcessEnv} env the environment to start from
 * @returns {NodeJS.ProcessEnv}
 */
export function ownHomeEnvironment(home, env) {
  const own = { ...env };
  for (const name of Object.keys(productVariables(env))) delete own[name];
  for (const [name, folder] of Object.entries(folders)) own[name] = join(home, folder);
  own[HOME_VARIABLE] = home;
  own[CACHE_VARIABLE] = cacheFolder;
  // The npm registry is configured per machine.
  own.npm_config_userconfig = env.npm_config_userconfig || join(homedir(), '.npmrc');
  return own;
}

/**
 * Gives this process, and every process it starts from now on, a new home folder. The folder is deleted when the
 * process ends.
 * @returns {string} the folder
 */
export function moveToOwnHome() {
  const present = process.env[HOME_VARIABLE];
  // A runner that reloads its configuration moves only once.
  if (present && present === homedir() && existsSync(present)) return present;
  const home = mkdtempSync(join(tmpdir(), 'bag-of-tricks-home-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const env = ownHomeEnvironment(home, process.env);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  return home;
}

/**
 * Finds the variables of an environment that point outside the tests' private home.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]} variables that are missing or name another folder, as `NAME=value`; all of them if there is no
 *   private home
 */
export function waysOutOfHome(env) {
  const home = env[HOME_VARIABLE] ?? '';
  const isTemporary = home.startsWith(join(tmpdir(), 'bag-of-tricks-home-'));
  return Object.entries(folders)
    .filter(([name, folder]) => !isTemporary || env[name] !== join(home, folder))
    .map(([name]) => `${name}=${env[name] ?? ''}`);
}
