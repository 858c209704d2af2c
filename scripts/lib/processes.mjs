// @ts-check
// Starting programs and ending them with all that they started. Only Node's own modules: this runs before
// `npm ci`.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, constants, readdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs a program attached to the terminal and waits for it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, shell?: boolean, output?: number }} [options] a
 *   program that runs longer than `timeoutMs` is killed; `output` is an open file that gets the output instead of the
 *   terminal
 * @returns {Promise<number>} the exit code; 127 if the program could not be started, 124 if it timed out, 130 if it was
 *   interrupted, 137 if it was killed
 */
export function run(command, args, { cwd = root, env = process.env, timeoutMs, shell = false, output } = {}) {
  return new Promise((resolve) => {
    const to = output ?? 'inherit';
    const child = spawn(command, args, { cwd, env, shell, stdio: ['inherit', to, to] });
    let timedOut = false;
    const timer = timeoutMs && setTimeout(() => (timedOut = child.kill('SIGKILL')), timeoutMs);
    // The terminal sends an interrupt to the child too: wait for the child to end.
    const wait = () => undefined;
    process.on('SIGINT', wait);
    /** @param {number} code */
    const end = (code) => {
      clearTimeout(timer);
      process.off('SIGINT', wait);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      end(127);
    });
    child.once('exit', (code, signal) => {
      end(timedOut ? 124 : (code ?? (signal === 'SIGINT' ? 130 : 137)));
    });
  });
}

/**
 * Runs npm: the one that runs this script if there is one, else the one on PATH.
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options]
 * @returns {Promise<number>} the exit code
 */
export function npm(args, options) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js')
    ? run(process.execPath, [cli, ...args], options)
    : run('npm', args, { ...options, shell: process.platform === 'win32' });
}

/**
 * @param {string} name
 * @returns {Promise<string | undefined>} the first program of that name on PATH
 */
export async function which(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    for (const suffix of process.platform === 'win32' ? ['.exe', '.cmd'] : ['']) {
      const path = join(folder, name + suffix);
      if (await isProgram(path)) return path;
    }
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Promise<boolean>} whether an executable file is there
 */
export const isProgram = (path) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * Signals the process group of a child that was started with `detached: true`.
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
export function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * Creates a marker variable for the environment of a process. All descendants inherit it, so it identifies them even if
 * they left the process group, as a detached trainer does.
 * @returns {{ env: Record<string, string>, end(): Promise<void> }} `end` ends every process with the marker; on Linux
 *   only, elsewhere it finds none
 */
export function mark() {
  // A unique name, so that nested markers do not overwrite each other.
  const name = `BAG_OF_TRICKS_MARK_${randomUUID()}`;
  return { env: { [name]: '1' }, end: () => endMarked(`${name}=1`) };
}

/** @param {string} variable as in the environment, `name=value` */
async function endMarked(variable) {
  if (process.platform !== 'linux') return;
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number)) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(variable)) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** @param {unknown} error */
const isGone = (error) => /** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH';
