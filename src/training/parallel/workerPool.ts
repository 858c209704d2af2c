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

/** On how many threads to train: as many as the environment says, or as suit the machine and the batch. */
export function threadsHere(batchSize: number): number {
  return threadsIn(process.env, THREADS) ?? defaultThreads(availableParallelism(), batchSize);
}

/** The threads that work for a training beside its own thread. */
export class WorkerPool {
  readonly #workers: readonly Worker[];
  /** Of each thread, the answers that nobody has received yet. */
  readonly #answers: readonly FromThread[][];
  /** Of each thread, whoever waits for its next answer. */
  readonly #waiting = new Map<number, { resolve(answer: FromThread): void; reject(error: Error): void }>();
  #lost: UserError | null = null;
  readonly #whenLost: Promise<UserError>;
  #tellLost: (reason: UserError) => void = () => {};
  readonly #started: Promise<unknown>;
  #isClosed = false;

  /**
   * Starts a thread for each of `data`.
   *
   * @param path Of the program `worker.ts` became.
   * @param onLost Called at once when a thread is lost.
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
      worker.on('exit', (code) => this.#lose(l10n.t('it left with exit code {0}', code)));
      return worker;
    });
  }

  /**
   * Waits until all threads take messages.
   *
   * @throws UserError when one is lost
   */
  async started(): Promise<void> {
    await Promise.race([this.#started, this.#whenLost]);
    if (this.#lost) throw this.#lost;
    // Its first answer has to be a loop that runs.
    this.isAnyGone();
  }

  /**
   * Whether any thread ended, as this one can see while it waits without its event loop, to which alone a thread's end is
   * told: the time that a loop was idle is -1 when the loop is gone.
   */
  isAnyGone(): boolean {
    return this.#workers.some(({ performance }) => performance.eventLoopUtilization().idle < 0);
  }

  /** Why a thread was lost, of which its end or its last words are yet to come. */
  reasonOfLoss(): Promise<UserError> {
    return this.#whenLost;
  }

  /** Sends a message to the thread of `data[index]`. */
  send(index: number, message: ToThread): void {
    this.#workers[index]?.postMessage(message);
  }

  /**
   * The next answer of a thread, which one at a time waits for.
   *
   * @throws UserError, also when another thread is lost
   */
  async receive(index: number): Promise<FromThread> {
    if (this.#lost) throw this.#lost;
    const answer = this.#answers[index]?.shift();
    if (answer) return answer;
    return new Promise((resolve, reject) => this.#waiting.set(index, { resolve, reject }));
  }

  /** Ends all threads. */
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
      what: l10n.t('A thread of the training ended: {0}', endsSentence(reason)),
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
