import { setImmediate } from 'node:timers/promises';

/**
 * Starts tasks 0 to `count` - 1 in order, each after the previous one has started. Finishes them in the same order,
 * each after the next one has started. An engine that computes in the background therefore always has work, and does
 * not idle while a result is read. Between tasks, the process handles its messages, signals and timers.
 *
 * @throws what `finish` throws, or the signal's reason if aborted, after every started task was passed to `finish`
 */
export async function inTurn<Started>(
  count: number,
  signal: AbortSignal,
  start: (index: number) => Started | Promise<Started>,
  finish: (started: Started, index: number) => void | Promise<void>,
): Promise<void> {
  await inTurnUntil(0, count, () => signal.aborted, start, finish);
  signal.throwIfAborted();
}

/**
 * Like `inTurn`, for tasks `first` to `count` - 1, or until `stop` returns true before a task.
 *
 * @returns the index of the first task that was not started; all tasks before it are finished
 * @throws what `finish` throws
 */
export async function inTurnUntil<Started>(
  first: number,
  count: number,
  stop: () => boolean,
  start: (index: number) => Started | Promise<Started>,
  finish: (started: Started, index: number) => void | Promise<void>,
): Promise<number> {
  let unfinished: (() => void | Promise<void>) | null = null;
  let index = first;
  for (; index < count && !stop(); index++) {
    const started = await start(index);
    await unfinished?.();
    const own = index;
    unfinished = () => finish(started, own);
    await setImmediate();
  }
  await unfinished?.();
  return index;
}
