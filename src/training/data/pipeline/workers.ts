import { Worker } from 'node:worker_threads';
import * as l10n from '@vscode/l10n';
import { messageOf } from '../../../shared/failure';
import { UserError } from '../../../shared/userError';
import { isOutOfMemory, outOfMemoryRemedy } from '../../../system/errors';
import type { FromWorker, ToWorker, WorkerData } from './messages';

/** Number of messages that a worker has at once, so that it never waits for the next. */
const MESSAGES_AT_ONCE = 2;

/** Threads that prepare images. Each message goes to a free thread. */
export class Workers {
  readonly #workers: readonly Worker[];
  /** The ids of the messages in progress, per worker. */
  readonly #busy: readonly Set<number>[];
  /** Messages not yet sent to a worker, in order. */
  #queue: ToWorker[] = [];
  #lost: UserError | null = null;
  #isClosed = false;

  /**
   * @param path of the program that `worker.ts` was compiled to
   * @param onAnswer called with each answer
   * @param onLost called once, if a thread ended: no more answers will come
   */
  constructor(
    path: string,
    count: number,
    data: WorkerData,
    onAnswer: (answer: FromWorker) => void,
    private readonly onLost: (error: UserError) => void,
  ) {
    this.#busy = Array.from({ length: count }, () => new Set());
    this.#workers = this.#busy.map((busy) => {
      const worker = new Worker(path, { workerData: data });
      worker.on('message', (answer: FromWorker) => {
        busy.delete(answer.id);
        this.#send();
        onAnswer(answer);
      });
      worker.on('error', (error) => this.#lose(messageOf(error)));
      worker.on('exit', (code) => this.#lose(l10n.t('it exited with code {0}', code)));
      return worker;
    });
  }

  get count(): number {
    return this.#workers.length;
  }

  /** Sends messages to workers, in order, as workers become free. */
  send(messages: readonly ToWorker[]): void {
    this.#queue.push(...messages);
    this.#send();
  }

  /** Withdraws the messages that no worker has yet, and returns them. The others will be answered. */
  withdraw(isUnwanted: (message: ToWorker) => boolean): readonly ToWorker[] {
    const unwanted = this.#queue.filter(isUnwanted);
    this.#queue = this.#queue.filter((message) => !isUnwanted(message));
    return unwanted;
  }

  /** Stops all threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #send(): void {
    // Gives each worker one message before any gets a second, so that no message waits behind another while a worker is
    // idle.
    for (let depth = 0; depth < MESSAGES_AT_ONCE; depth++) {
      for (const [index, busy] of this.#busy.entries()) {
        if (busy.size > depth) continue;
        const message = this.#queue.shift();
        if (!message) return;
        busy.add(message.id);
        this.#workers[index]?.postMessage(message);
      }
    }
  }

  #lose(reason: string): void {
    if (this.#isClosed || this.#lost) return;
    this.#lost = new UserError({
      what: l10n.t('A data worker failed: {0}.', reason.replace(/\.$/, '')),
      remedy: isOutOfMemory(reason)
        ? outOfMemoryRemedy()
        : l10n.t('Resume the run from its last checkpoint.'),
    });
    this.onLost(this.#lost);
  }
}
