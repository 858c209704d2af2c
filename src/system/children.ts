/**
 * Starts other programs. No other file does: on Windows a console program that a process without a console starts opens
 * a window, unless it is told not to (nodejs/node#21825).
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
 * What a program prints, without a window.
 *
 * @throws Node's error of `execFile`, with `stdout` and `stderr`, where it fails or does not start
 */
export function execFile(
  file: string,
  args: readonly string[],
  options: childProcess.ExecFileOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  return promisify(childProcess.execFile)(file, args, { ...options, ...HIDDEN, encoding: 'utf8' });
}
