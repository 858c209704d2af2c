// @ts-check
// Nodes of other major versions than the one that runs, from npm, kept in the user's cache: what the tests show on
// one Node has to hold on each that the project supports.
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './home.mjs';
import { npm } from './processes.mjs';

/** The Node releases that the tests run on, by major version. */
const releases = /** @type {const} */ ({ 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' });
/** @typedef {keyof typeof releases} NodeMajor */

/** The supported major versions. */
export const nodeMajors = /** @type {NodeMajor[]} */ (Object.keys(releases).map(Number));

/** Whether npm has these releases for this system and architecture. */
export const hasNodes = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

/**
 * Returns a Node of a major version: the running one if it matches, else one from the cache, installed if missing.
 * @param {NodeMajor} major
 * @returns {Promise<string>} the path of its binary
 * @throws if npm fails
 */
export async function ensureNode(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const version = releases[major];
  const folder = join(cacheFolder, `node-${version}-${process.arch}`);
  const binary = join('node_modules', name, 'bin/node');
  if (await exists(join(folder, binary))) return join(folder, binary);
  // Moved to its final path only when complete.
  const work = `${folder}.${process.pid}`;
  await mkdir(work, { recursive: true });
  try {
    await writeFile(join(work, 'package.json'), '{ "private": true }\n');
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const code = await npm(['install', ...flags, `${name}@${version}`], { cwd: work });
    if (code !== 0) throw new Error(`npm could not install Node ${version}: exit code ${code}.`);
    await rename(work, folder).catch(async (error) => {
      // Another process was faster.
      if (!(await exists(join(folder, binary)))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return join(folder, binary);
}

/** @param {string} path */
const exists = (path) =>
  access(path).then(
    () => true,
    () => false,
  );
