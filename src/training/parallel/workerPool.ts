import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import * as l10n from '@vscode/l10n';
import { THREADS, threadsIn } from '../../protocol/trainer';
import { messageOf } from '../../shared/failure';
import { UserError } from '../../shared/userError';
import { isOutOfMemory, lacksFileHandles, outOfMemoryRemedy, tooManyFilesRemedy } from '../../system/errors';
import type { FromThread, ThreadData, ToThread } from './messages';
import { resumeRemedy } from './remedy';
import { defaultThreads } from './shards';

/**
 * Returns the number of training threads: the value of the environment variable, else the default for the machine and
 * the batch.
 */
export function threadsHere(batchSize: number): number {
  return threadsIn(process.env, THREADS) ?? defaultThreads(availableParallelism(), batchSize);
}

/** The threads that work for a training in addition to its own. */
export class WorkerPool {
  readonly #workers: readonly Worker[];
  /** Per thread, the answers that were not received yet. */
  readonly #answers: readonly FromThread[][];
  /** Per thread, the caller that waits for its next answer. */
  readonly #waiting = new Map<number, { resolve(answer: FromThread): void; reject(error: Error): void }>();
  #lost: UserError | null = null;
  readonly #whenLost: Promise<UserError>;
  #tellLost: (reason: UserError) => void = () => {};
  readonly #started: Promise<unknown>;
  #isClosed = false;

  /**
   * Starts one thread for each element of `data`.
   *
   * @param path Of the program that `worker.ts` was compiled to.
   * @param onLost Called immediately when a thread is lost.
   */
  constructor(
    path: string,
    data: readonly ThreadData[],
    private readonly onLost: () => void,
  ) {
    this.#whenLost = new Promise((resolve) => {
      this.#tellLost = resolve;
    });
    const started: (() => void)[] = [];
    this.#started = Promise.all(
      data.map(
        (_, index) =>
          new Promise<void>((resolve) => {
            started[index] = resolve;
          }),
      ),
    );
    this.#answers = data.map(() => []);
    this.#workers = data.map((workerData, index) => {
      const worker = new Worker(path, { workerData });
      worker.on('message', (answer: FromThread) => {
        if (answer.type === 'started') started[index]?.();
        else if (answer.type === 'failed') this.#lose(answer.message);
        else this.#settle(index, answer);
      });
      worker.on('error', (error) => this.#lose(messageOf(error)));
      worker.on('exit', (code) => this.#lose(l10n.t('it exited with code {0}', code)));
      return worker;
    });
  }

  /**
   * Waits until all threads accept messages.
   *
   * @throws UserError if one is lost
   */
  async started(): Promise<void> {
    await Promise.race([this.#started, this.#whenLost]);
    if (this.#lost) throw this.#lost;
    // The first check must see a running event loop.
    this.isAnyGone();
  }

  /**
   * Returns whether any thread has ended. The `exit` event would arrive only through this thread's event loop, so this
   * works while the thread blocks: a loop's idle time is -1 after it has ended.
   */
  isAnyGone(): boolean {
    return this.#workers.some(({ performance }) => performance.eventLoopUtilization().idle < 0);
  }

  /** Resolves to the reason why a thread was lost. Its exit or last message may not have arrived yet. */
  reasonOfLoss(): Promise<UserError> {
    return this.#whenLost;
  }

  /** Sends a message to the thread of `data[index]`. */
  send(index: number, message: ToThread): void {
    this.#workers[index]?.postMessage(message);
  }

  /**
   * Receives the next answer of a thread. Only one caller may wait at a time.
   *
   * @throws UserError, also if another thread is lost
   */
  async receive(index: number): Promise<FromThread> {
    if (this.#lost) throw this.#lost;
    const answer = this.#answers[index]?.shift();
    if (answer) return answer;
    return new Promise((resolve, reject) => this.#waiting.set(index, { resolve, reject }));
  }

  /** Stops all threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #settle(index: number, answer: FromThread): void {
    const waiting = this.#waiting.get(index);
    this.#waiting.delete(index);
    if (waiting) waiting.resolve(answer);
    else this.#answers[index]?.push(answer);
  }

  #lose(reason: string): void {
    if (this.#isClosed || this.#lost) return;
    this.#lost = new UserError({
      what: l10n.t('A training thread failed: {0}', endsSentence(reason)),
      remedy: remedyFor(reason),
    });
    this.onLost();
    this.#tellLost(this.#lost);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}

function remedyFor(reason: string): string {
  if (isOutOfMemory(reason)) return outOfMemoryRemedy();
  return lacksFileHandles(reason) ? tooManyFilesRemedy() : resumeRemedy();
}

function endsSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
