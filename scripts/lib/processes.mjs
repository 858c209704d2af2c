// @ts-check
// Starting programs and ending them with all that they started. Only Node's own modules: this runs before
// `npm ci`.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, constants, readdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs a program in the terminal's own streams and waits for it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, shell?: boolean }} [options]
 *   a program that outlasts `timeoutMs` is ended
 * @returns {Promise<number>} the exit code; 127 for a program that could not be started, 124 for one that ran
 *   out of time, 130 for one that was interrupted, 137 for one that was killed
 */
export function run(command, args, { cwd = root, env = process.env, timeoutMs, shell = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, shell, stdio: 'inherit' });
    let timedOut = false;
    const timer = timeoutMs && setTimeout(() => (timedOut = child.kill('SIGKILL')), timeoutMs);
    // An interrupt reaches the child too, through the terminal: its own end is waited for.
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
 * Runs npm: the one that is running this script where there is one, else the one on PATH.
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
 * @returns {Promise<boolean>} whether a file is there that may be run
 */
export const isProgram = (path) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * Signals a child that was started with `detached: true`, and the processes of its group.
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
 * A mark for the environment of a process, inherited by all that it starts, by which they are found again:
 * also those that left its group, as a detached trainer does.
 * @returns {{ env: Record<string, string>, end(): Promise<void> }} `end` ends every process that bears the
 *   mark; on Linux only, elsewhere it finds none
 */
export function mark() {
  // A name of its own, so that a mark within a mark hides neither.
  const name = `BAG_OF_TRICKS_MARK_${randomUUID()}`;
  return { env: { [name]: '1' }, end: () => endMarked(`${name}=1`) };
}

/** @param {string} variable as it stands in the environment, `name=value` */
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
