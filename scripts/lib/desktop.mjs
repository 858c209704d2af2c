// @ts-check
// The desktop VS Code, where there is one.
import { access, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { which } from './processes.mjs';

/**
 * @typedef {{ cli: string, executable: string }} Desktop the command that opens a window (a script except on Windows),
 *   and the program itself
 */

/** Whether a desktop program has a display. */
export const hasDisplay =
  process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);

/**
 * Returns the desktop VS Code whose `code` command is on PATH. The `code` of a remote window's terminal does not count:
 * it can only talk to that window.
 * @returns {Promise<Desktop | undefined>}
 */
export async function findDesktop() {
  const cli = await which('code');
  if (!cli || process.env.VSCODE_IPC_HOOK_CLI) return undefined;
  const bin = dirname(await realpath(cli));
  const executable = {
    darwin: join(bin, '../../../MacOS/Electron'),
    win32: join(bin, '../Code.exe'),
    linux: join(bin, '../code'),
  }[/** @type {string} */ (process.platform)];
  if (!executable) return undefined;
  return access(executable).then(
    () => ({ cli: process.platform === 'win32' ? executable : cli, executable }),
    () => undefined,
  );
}
