import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { spawn } from '../system/children';
import { killGroupOfEnded, killTree, signalTree } from '../system/processes';
import type { ReadyCommand } from './commandLine';
import { endCommand } from './leftovers';

/** How long to read on after a command and all that it started have ended. Their last output is then in the pipes. */
const LAST_OUTPUT_MS = 5000;

/** How a command ended. */
export interface CommandExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A part of what a command printed. */
export type OnOutput = (bytes: Buffer, stream: 'stdout' | 'stderr') => void;

/** A run's command, in a process group of its own. */
export class CommandProcess {
  /** Resolves when the command has ended. What it started may still run. */
  readonly exited: Promise<CommandExit>;
  readonly #closed: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.#closed = once(child, 'close').catch(() => {});
  }

  /**
   * Starts a command.
   *
   * @throws the system's error if it cannot be started
   */
  static async start(
    { program, args, env }: ReadyCommand,
    workingDirectory: string,
    onOutput: OnOutput,
  ): Promise<CommandProcess> {
    const child = spawn(program, [...args], {
      cwd: workingDirectory,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own. On Windows, processes that are not detached end with this one.
      detached: process.platform !== 'win32',
    });
    const command = new CommandProcess(child);
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.on('data', (bytes: Buffer) => onOutput(bytes, stream));
      child[stream]?.on('error', () => {});
    }
    await once(child, 'spawn');
    return command;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Kills the command with all its descendants. */
  async kill(): Promise<void> {
    if (this.#isRunning) await killTree(this.pid);
  }

  /**
   * Asks the command to end: with an interrupt, on which many programs save; then with SIGTERM; then kills it. Takes at
   * most `graceMs`.
   */
  async end(graceMs: number): Promise<void> {
    for (const [signal, share] of [
      ['SIGINT', 0.5],
      ['SIGTERM', 0.3],
    ] as const) {
      if (!this.#isRunning) return;
      signalTree(this.pid, signal);
      await this.#endsWithin(share * graceMs);
    }
    await this.kill();
  }

  /**
   * Ends everything that the command started, once it has ended itself, and reads the rest of the output.
   *
   * @throws UserError if a process does not end
   */
  async cleanUp(runFolder: string, attempt: number): Promise<void> {
    killGroupOfEnded(this.pid);
    await endCommand(runFolder, attempt);
    const timer = new AbortController();
    const late = delay(LAST_OUTPUT_MS, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([this.#closed, late]);
    timer.abort();
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  get #isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async #endsWithin(ms: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.exited, delay(ms, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }
}
