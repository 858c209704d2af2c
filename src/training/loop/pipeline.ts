import { setImmediate } from 'node:timers/promises';

/**
 * Starts works 0 to `count` - 1 in turn, each when the one before it is started, and finishes them in that order,
 * each once the next is under way: an engine that computes in the background always has work, and nothing waits for
 * a result to be read. Between works the process sees to its messages, signals and timers.
 *
 * @throws what `finish` throws, or the signal's reason when aborted, once all that was started was handed on
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
 * As `inTurn`, works `first` to `count` - 1 or until `stop` says so before one.
 *
 * @returns the index of the first work that was not started; all before are finished
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
