// @ts-check
// A home folder of the tests' own, so that no test reads or changes the engines, data sets and settings of the person
// who runs it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';

/** The variables by which programs find a person's folders, and where each folder lies below the home. */
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

/** Names the own home in the environment of a process that has one, and of all that it starts. */
const HOME_VARIABLE = 'BAG_OF_TRICKS_TEST_HOME';
const CACHE_VARIABLE = 'BAG_OF_TRICKS_TEST_CACHE';

/**
 * The folder for what scripts and tests download once: code-server, VS Code, Nodes. BAG_OF_TRICKS_CACHE, else the
 * user's cache, also in a process that has a home of its own.
 */
export const cacheFolder =
  process.env[CACHE_VARIABLE] ||
  process.env.BAG_OF_TRICKS_CACHE ||
  envPaths('bag-of-tricks', { suffix: '' }).cache;

/**
 * The variables that the product reads; those of the test runners and of scripts are not among them.
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
 * The environment of a process that has `home` for its home folder and inherits none of the product's variables.
 * @param {string} home
 * @param {NodeJS.ProcessEnv} env the environment to begin with
 * @returns {NodeJS.ProcessEnv}
 */
export function ownHomeEnvironment(home, env) {
  const own = { ...env };
  for (const name of Object.keys(productVariables(env))) delete own[name];
  for (const [name, folder] of Object.entries(folders)) own[name] = join(home, folder);
  own[HOME_VARIABLE] = home;
  own[CACHE_VARIABLE] = cacheFolder;
  // Which registry npm asks is the machine's affair.
  own.npm_config_userconfig = env.npm_config_userconfig || join(homedir(), '.npmrc');
  return own;
}

/**
 * Gives this process, and all that it starts from now on, a new home folder, which goes when the process ends.
 * @returns {string} the folder
 */
export function moveToOwnHome() {
  const present = process.env[HOME_VARIABLE];
  // A runner that reads its configuration anew moves once.
  if (present && present === homedir() && existsSync(present)) return present;
  const home = mkdtempSync(join(tmpdir(), 'bag-of-tricks-home-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const env = ownHomeEnvironment(home, process.env);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  return home;
}

/**
 * What in an environment leads out of the tests' own home.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]} variables that are missing or name another folder, as `NAME=value`; all where there is no own
 *   home
 */
export function waysOutOfHome(env) {
  const home = env[HOME_VARIABLE] ?? '';
  const isTemporary = home.startsWith(join(tmpdir(), 'bag-of-tricks-home-'));
  return Object.entries(folders)
    .filter(([name, folder]) => !isTemporary || env[name] !== join(home, folder))
    .map(([name]) => `${name}=${env[name] ?? ''}`);
}
