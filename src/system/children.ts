/**
 * Starts other programs. All files must use this one: on Windows, a process without a console opens a window for each
 * console program that it starts, unless it passes an option (nodejs/node#21825).
 */
import * as childProcess from 'node:child_process';
import { promisify } from 'node:util';

const HIDDEN = { windowsHide: true } as const;

/** Node's `fork`, without a window. */
export function fork(
  modulePath: string,
  args: readonly string[],
  options: childProcess.ForkOptions,
): childProcess.ChildProcess {
  return childProcess.fork(modulePath, args, { ...options, ...HIDDEN });
}

/** Node's `spawn`, without a window. */
export const spawn = ((command: string, args: readonly string[], options: childProcess.SpawnOptions) =>
  childProcess.spawn(command, args, { ...options, ...HIDDEN })) as typeof childProcess.spawn;

/**
 * Runs a program without a window and returns its output.
 *
 * @throws Node's `execFile` error, with `stdout` and `stderr`, if the program fails or does not start
 */
export function execFile(
  file: string,
  args: readonly string[],
  options: childProcess.ExecFileOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  return promisify(childProcess.execFile)(file, args, { ...options, ...HIDDEN, encoding: 'utf8' });
}
