import { LogStanding } from '../../protocol/standing';
import { LogReader } from './logReader';

/** One chunk at the end of a log usually shows a run's state. Without a state in it, more is read, up to a limit. */
const LEAST_BYTES = 1 << 16;
const MOST_BYTES = 1 << 22;

/**
 * Reads a run's standing from the end of its log, and returns it with a reader that continues from there.
 *
 * @throws the file system's error
 */
export async function readLogEnd(
  path: string,
): Promise<{ readonly log: LogStanding; readonly reader: LogReader }> {
  const reader = new LogReader(path);
  for (let bytes = LEAST_BYTES; ; bytes *= 4) {
    const log = new LogStanding();
    await reader.startAtTail(bytes);
    for await (const { batch } of reader.read()) for (const event of batch.events) log.take(event);
    if (log.state !== null || !reader.isTail || bytes >= MOST_BYTES) return { log, reader };
  }
}
