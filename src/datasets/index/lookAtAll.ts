import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as l10n from '@vscode/l10n';
import { assertNever } from '../../shared/assertNever';
import { UserError } from '../../shared/userError';
import { type BadImage, type LookOutcome, lookAtRange } from './looker';
import type { FromLooker, LookerData, LookerTask } from './lookerMessages';
import { countOf, type SeenSplit } from './tables';

/** Images that a thread gets at a time. */
const TASK_IMAGES = 256;

export interface LookOptions {
  /** Threads; with 0 the caller's own looks at the images. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  /** Images looked at, or found unchanged, of all. */
  readonly onImages?: ((done: number, total: number) => void) | undefined;
}

/**
 * Looks at all images of some splits that are not known yet, and writes what it finds in their looks.
 *
 * @throws UserError where the machine refuses it; the signal's reason when aborted
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
      // Where nothing has changed, nothing is waited for.
      await setImmediate();
    }
  } else {
    const count = Math.min(workers, Math.ceil(total / TASK_IMAGES));
    await withThreads(count, splits, signal, async (ask) => {
      for (let task = takeTask(); task; task = takeTask()) note(task, await ask(task));
    });
  }
  // Threads end in any order; a person reads the first.
  bad.sort((a, b) => a.split - b.split || a.image - b.image);
  return { read, bad };
}

/** Has `work` done with each of `count` threads, and ends them whatever comes. */
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

/** Fails when a thread ends before its work does. */
function lossOf(thread: Worker): Promise<never> {
  return new Promise((_, reject) => {
    thread.once('error', reject);
    thread.once('exit', (code) =>
      reject(new Error(l10n.t('A thread that looked at images ended with exit code {0}.', code))),
    );
  });
}
