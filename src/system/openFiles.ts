import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from './errors';

/** Increasing from 10 to 200 ms, about two seconds in total. */
const PAUSES_MS: readonly number[] = Array.from({ length: 14 }, (_, attempt) =>
  Math.min(10 * 2 ** attempt, 200),
);

/**
 * Retries a read for about two seconds if this process or the machine has reached its limit on open files: other files
 * close in the meantime. A lack of handles says nothing about the file.
 *
 * @throws what `read` throws, or EMFILE or ENFILE if no handle became free
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
