import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as l10n from '@vscode/l10n';
import { assertNever } from '../../shared/assertNever';
import { UserError } from '../../shared/userError';
import { type BadImage, type LookOutcome, lookAtRange } from './looker';
import type { FromLooker, LookerData, LookerTask } from './lookerMessages';
import { countOf, type SeenSplit } from './tables';

/** Images per task of a worker thread. */
const TASK_IMAGES = 256;

export interface LookOptions {
  /** The number of worker threads. With 0, the calling thread scans the images. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  /** Reports the images done (scanned or found unchanged) and the total. */
  readonly onImages?: ((done: number, total: number) => void) | undefined;
}

/**
 * Scans all images of some splits that are not known yet, and writes the results to their looks.
 *
 * @throws UserError if this machine prevents it, for example if too many files are open; the signal's reason if aborted
 */
export async function lookAtAll(
  splits: readonly SeenSplit[],
  { workers, signal, onImages }: LookOptions,
): Promise<LookOutcome> {
  const total = countOf(splits);
  const bad: BadImage[] = [];
  let [read, done, next] = [0, 0, 0];
  const takeTask = (): LookerTask | null => {
    if (next >= total) return null;
    const from = next;
    next = Math.min(total, from + TASK_IMAGES);
    return { from, to: next };
  };
  const note = (task: LookerTask, outcome: LookOutcome) => {
    read += outcome.read;
    bad.push(...outcome.bad);
    done += task.to - task.from;
    onImages?.(done, total);
  };
  signal?.throwIfAborted();
  if (workers === 0) {
    for (let task = takeTask(); task; task = takeTask()) {
      signal?.throwIfAborted();
      note(task, await lookAtRange(splits, task.from, task.to, signal));
      // If no image has changed, nothing else yields to the event loop.
      await setImmediate();
    }
  } else {
    const count = Math.min(workers, Math.ceil(total / TASK_IMAGES));
    await withThreads(count, splits, signal, async (ask) => {
      for (let task = takeTask(); task; task = takeTask()) note(task, await ask(task));
    });
  }
  // Threads finish in any order, but users see the first ones.
  bad.sort((a, b) => a.split - b.split || a.image - b.image);
  return { read, bad };
}

/** Runs `work` on each of `count` threads and always terminates them. */
async function withThreads(
  count: number,
  splits: readonly SeenSplit[],
  signal: AbortSignal | undefined,
  work: (ask: (task: LookerTask) => Promise<LookOutcome>) => Promise<void>,
): Promise<void> {
  const workerData: LookerData = { splits };
  const threads = Array.from(
    { length: count },
    () => new Worker(join(__dirname, 'looker.js'), { workerData }),
  );
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
  });
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([
      aborted,
      Promise.all(
        threads.map((thread) => Promise.race([work((task) => answerOf(thread, task)), lossOf(thread)])),
      ),
    ]);
  } finally {
    signal?.removeEventListener('abort', abort);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

async function answerOf(thread: Worker, task: LookerTask): Promise<LookOutcome> {
  const answer = new Promise<FromLooker>((resolve) => thread.once('message', resolve));
  thread.postMessage(task);
  const message = await answer;
  switch (message.type) {
    case 'done':
      return message;
    case 'refused':
      throw new UserError(message.failure);
    case 'failed':
      throw new Error(message.message);
    default:
      return assertNever(message);
  }
}

/** Rejects if a thread exits before its work is done. */
function lossOf(thread: Worker): Promise<never> {
  return new Promise((_, reject) => {
    thread.once('error', reject);
    thread.once('exit', (code) =>
      reject(new Error(l10n.t('An indexing thread exited with code {0}.', code))),
    );
  });
}
