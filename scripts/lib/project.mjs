// @ts-check
// The project's own steps, as every script takes them: install, build, pack. Only Node's own modules: this
// runs before `npm ci`.
import { execFile } from 'node:child_process';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { npm, root, run } from './processes.mjs';

/**
 * Runs `npm ci` if node_modules is missing or older than package-lock.json.
 * @throws if npm fails
 */
export async function ensureInstalled() {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) throw new Error(`Node ${process.versions.node} is too old: install Node 20 or later.`);
  const [installedMs, lockedMs] = await Promise.all([
    modifiedMs(join(root, 'node_modules/.package-lock.json')),
    modifiedMs(join(root, 'package-lock.json')),
  ]);
  if (installedMs !== undefined && lockedMs !== undefined && installedMs >= lockedMs) return;
  console.log('Installing the packages of package-lock.json...');
  const code = await npm(['ci', '--no-audit', '--no-fund']);
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}. Check the network and try again.`);
}

/** The systems that Dawn and sharp support, by VS Code's names. */
export const systems = [
  ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'],
  ...['win32-x64', 'win32-arm64'],
];

/** The name of this machine's system. */
export const thisSystem = `${process.platform}-${process.arch}`;

/**
 * Builds the bundles into dist/.
 * @param {{ production?: boolean, system?: string }} [options] production: minified
 * @throws if the build fails
 */
export async function build({ production = false, system = thisSystem } = {}) {
  const options = [`--system=${system}`, ...(production ? ['--production'] : [])];
  const code = await run(process.execPath, ['esbuild.mjs', ...options]);
  if (code !== 0) throw new Error(`The build failed with exit code ${code}: see the errors above.`);
}

/**
 * Packs dist/ and the extension's other files, as .vscodeignore selects them, into a VSIX.
 * @param {string} [folder] the destination, by default the repository's root
 * @param {string} [system] the system that dist/ was built for; one without Dawn and sharp makes a package for every
 *   system
 * @returns {Promise<string>} the file's path
 * @throws if vsce fails
 */
export async function packExtension(folder = root, system = thisSystem) {
  const { name, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const target = systems.includes(system) ? system : null;
  const vsix = join(folder, `${[name, target, version].filter(Boolean).join('-')}.vsix`);
  await mkdir(folder, { recursive: true });
  const vsce = ['node_modules/@vscode/vsce/vsce', 'package', '--no-dependencies', '--out', vsix];
  const flags = ['--allow-missing-repository', '--no-rewrite-relative-links'];
  if (target) flags.push('--target', target);
  await promisify(execFile)(process.execPath, [...vsce, ...flags], { cwd: root }).catch((error) => {
    throw new Error(`vsce could not pack the extension:\n${error.stdout}${error.stderr}`);
  });
  return vsix;
}

/**
 * Runs a script's steps. Prints an error as one line on standard error and sets exit code 1.
 * @param {() => Promise<number | void>} steps resolves with the exit code, or nothing for 0
 */
export async function main(steps) {
  try {
    process.exitCode = (await steps()) ?? 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** @param {string} path */
async function modifiedMs(path) {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}
