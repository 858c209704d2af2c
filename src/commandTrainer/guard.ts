/**
 * A guard is a process that ends a command if its trainer can no longer do it: because the trainer was killed, or is
 * frozen and a later attempt has taken over the run. The system does not end a process together with its parent.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { HEARTBEAT_MS, type Lease, standingOf } from '../runs/lease/lease';
import { spawn } from '../system/children';
import { killTree } from '../system/processes';
import { endCommand } from './leftovers';

/** The argument that makes the trainer's program a guard. */
export const GUARD = '--guard';

/** What a guard is told about its command's run. */
interface Guarded {
  readonly runFolder: string;
  readonly lease: Lease;
}

const DONE = 'done';

/** The guard of a command, in the trainer's process. */
export class Guard {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;

  /** Starts the guard. Do it before the command. */
  constructor(runFolder: string, lease: Lease) {
    const guarded: Guarded = { runFolder, lease };
    this.#process = spawn(process.execPath, [process.argv[1] ?? '', GUARD, JSON.stringify(guarded)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own group, so that it outlives the trainer's.
      detached: true,
    });
    // Without a guard, the next attempt ends the command.
    this.#exited = once(this.#process, 'exit').catch(() => {});
    this.#process.stdin?.on('error', () => {});
  }

  /** Tells the guard which process to guard. */
  watch(pid: number): void {
    this.#process.stdin?.write(`${pid}\n`);
  }

  /** Ends the guard, because the command and everything that it started have ended. */
  async dismiss(): Promise<void> {
    this.#process.stdin?.end(`${DONE}\n`);
    await this.#exited;
  }
}

/** Runs a guard in this process, until it is dismissed or its trainer or its attempt has ended. */
export async function runGuard(argument: string): Promise<void> {
  const { runFolder, lease } = JSON.parse(argument) as Guarded;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  let told = '';
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    told += text;
    if (told.split('\n').includes(DONE)) process.exit(0);
  });
  process.stdin.on('error', () => {});
  await Promise.race([once(process.stdin, 'close'), once(process.stdin, 'end'), isOver(runFolder, lease)]);
  const pid = Number.parseInt(told, 10);
  if (Number.isInteger(pid) && pid > 0) await killTree(pid);
  await endCommand(runFolder, lease.attempt);
  process.exit(0);
}

/** Resolves when the attempt no longer holds the run. */
function isOver(runFolder: string, lease: Lease): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      try {
        if (standingOf(runFolder, lease) === 'held') return;
      } catch {
        // A disk that is temporarily unavailable is no reason to end a training.
        return;
      }
      clearInterval(timer);
      resolve();
    }, HEARTBEAT_MS);
  });
}
