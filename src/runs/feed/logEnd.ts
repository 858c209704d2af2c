import { LogStanding } from '../../protocol/standing';
import { LogReader } from './logReader';

/** A chunk of a log's end tells where its run stands; where it has no whole line, more is read, up to so much. */
const LEAST_BYTES = 1 << 16;
const MOST_BYTES = 1 << 22;

/**
 * Where a run stands by the end of its log, and a reader that goes on from there.
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
