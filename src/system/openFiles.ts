import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from './errors';

/** Growing from 10 to 200 ms, about two seconds in all. */
const PAUSES_MS: readonly number[] = Array.from({ length: 14 }, (_, attempt) =>
  Math.min(10 * 2 ** attempt, 200),
);

/**
 * Reads again, for about two seconds, where this process or the machine has as many files open as it may: others close
 * theirs meanwhile. What cannot be opened for want of handles says nothing of the file.
 *
 * @throws what `read` throws; EMFILE or ENFILE where no handle came free
 */
export async function whenFilesMayOpen<T>(read: () => Promise<T>): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await read();
    } catch (error) {
      if (!isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
      await delay(pauseMs);
    }
  }
  return read();
}
