// @ts-check
// sharp, which decodes images: its JavaScript, and its library and libvips for one system. npm installs this machine's;
// for packages of other systems they are fetched.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { npm, root } from './processes.mjs';

/** Fetched packages for other systems, by name and version. */
const CACHE = join(root, 'node_modules/.cache/bag-of-tricks');

/** Files that Node does not need to run a package: types, sources, headers. */
const NOT_RUN = /(?:^|[\\/])(?:src|install|include|glib-2\.0)(?:[\\/]|$)|\.(?:d\.[cm]?ts|mjs)$/;

/**
 * Copies sharp for a system, with its dependencies and licenses, as packages into `folder`/node_modules.
 * @param {string} folder is emptied first; stays empty if sharp does not support the system or was not fetched
 * @param {string} system such as linux-x64
 */
export async function copySharp(folder, system) {
  await rm(folder, { recursive: true, force: true });
  const native = await nativePackages(system);
  if (native.length === 0 || native.some(({ from }) => from === null)) return;
  const scripts = ['sharp', ...Object.keys((await manifestOf('sharp')).dependencies)];
  const packages = [...scripts.map((name) => ({ name, from: installed(name) })), ...native];
  for (const { name, from } of packages) {
    if (from === null) continue;
    const to = join(folder, 'node_modules', name);
    await mkdir(dirname(to), { recursive: true });
    await cp(from, to, {
      recursive: true,
      filter: (path) => !NOT_RUN.test(path.slice(from.length)),
    });
  }
}

/**
 * Makes the project's own sharp available to a bundle outside of the project.
 * @param {string} folder the folder of the bundle
 */
export async function linkSharp(folder) {
  await mkdir(join(folder, 'sharp'), { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'sharp/node_modules'), 'junction');
}

/**
 * Fetches sharp's packages for a system that npm did not install, and verifies each against package-lock.json.
 * @param {string} system
 * @throws if npm fails or a checksum does not match
 */
export async function fetchSharp(system) {
  for (const { name, version, integrity, from } of await nativePackages(system)) {
    if (from) continue;
    await mkdir(CACHE, { recursive: true });
    const folder = await mkdtemp(join(CACHE, 'fetching-'));
    try {
      const code = await npm(['pack', `${name}@${version}`, '--silent', '--pack-destination', folder]);
      if (code !== 0) throw new Error(`npm could not fetch ${name}@${version}: exit code ${code}.`);
      const [archive = ''] = await readdir(folder);
      const sum = createHash('sha512')
        .update(await readFile(join(folder, archive)))
        .digest('base64');
      if (`sha512-${sum}` !== integrity) throw new Error(`${name}@${version} has a wrong checksum.`);
      await promisify(execFile)('tar', ['-xzf', archive], { cwd: folder });
      await mkdir(dirname(cached(name, version)), { recursive: true });
      await rename(join(folder, 'package'), cached(name, version));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/**
 * Lists the native packages of a system: sharp's own library and libvips. Windows has both in one package.
 * @param {string} system
 * @returns {Promise<{ name: string, version: string, integrity: string, from: string | null }[]>} `from` is the
 *   installed or cached folder, if any; empty if sharp does not support the system
 */
async function nativePackages(system) {
  const { optionalDependencies } = await manifestOf('sharp');
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  return [`@img/sharp-${system}`, `@img/sharp-libvips-${system}`]
    .filter((name) => name in optionalDependencies)
    .map((name) => {
      const { version, integrity } = lock.packages[`node_modules/${name}`];
      const from = [installed(name), cached(name, version)].find((folder) => existsSync(folder)) ?? null;
      return { name, version, integrity, from };
    });
}

/** @param {string} name */
const installed = (name) => join(root, 'node_modules', name);

/**
 * @param {string} name
 * @param {string} version
 */
const cached = (name, version) => join(CACHE, `${name}@${version}`);

/** @param {string} name */
const manifestOf = async (name) => JSON.parse(await readFile(join(installed(name), 'package.json'), 'utf8'));
