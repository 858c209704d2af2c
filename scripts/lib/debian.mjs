// @ts-check
// Debian's packages, which tests want and this machine may be allowed to install.
import { run, which } from './processes.mjs';

/**
 * Installs a package, if this is root on Debian.
 * @param {string} name
 * @returns {Promise<boolean>} whether it is installed now
 */
export async function installDebianPackage(name) {
  if (process.getuid?.() !== 0 || !(await which('apt-get'))) return false;
  console.log(`Installing ${name}...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  if ((await run('apt-get', ['update', '-q'], { env })) !== 0) return false;
  return (await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', name], { env })) === 0;
}
