import type { FileHandle } from 'node:fs/promises';
import type { RunEvent } from '../protocol/events';
import { isSystemError } from '../system/errors';
import { openPlain } from '../system/plainFiles';
import { type EventBatch, LOG_START, MAX_LINE_BYTES, NEWLINE, type Position, parseEvents } from './logParser';

/** How much of a log is read at a time: a line more than the longest, so that every full chunk gets on. */
const CHUNK_BYTES = MAX_LINE_BYTES + (1 << 16);

/** More steps than a chart can show. */
export const CHART_POINTS = 90_000;

/** About what a step takes in a log: 16 MiB have as many steps as a chart is given. */
const STEP_BYTES = (1 << 24) / CHART_POINTS;

/**
 * What a reader may leave out that has fallen far behind: no chart shows a million steps. With so many bytes left
 * to read, only steps that are multiples of this; a power of two, so that what is left out later was so before.
 *
 * @param points about how many steps are wanted
 */
export function thinningStride(bytesLeft: number, points = CHART_POINTS): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(bytesLeft / (points * STEP_BYTES))));
}

/** Opens a log to be read; null where there is none. */
export async function openLog(path: string): Promise<FileHandle | null> {
  try {
    return await openPlain(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** A part of a log, to its last whole line. */
export interface PartOfLog {
  readonly batch: EventBatch;
  readonly next: Position;
  /** Some of those before `next`, all from the part. */
  readonly lastBytes: Buffer;
}

/**
 * Reads on in an open log, a chunk at a time, to its last whole line.
 *
 * @param strideFor which steps to leave out, such as `thinningStride`
 * @throws the file system's error
 */
export async function* partsFrom(
  file: FileHandle,
  from: Position,
  strideFor: (bytesLeft: number) => number = () => 1,
): AsyncGenerator<PartOfLog> {
  const stride = strideFor((await file.stat()).size - from.offset);
  for (let position = from; ; ) {
    const { size } = await file.stat();
    if (size <= position.offset) return;
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - position.offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position.offset);
    // The last of it whole: it is what a person looks at.
    const isLast = position.offset + bytesRead >= size;
    const part = parseEvents(buffer.subarray(0, bytesRead), position, isLast ? 1 : stride);
    const taken = part.next.offset - position.offset;
    if (taken === 0) return;
    position = part.next;
    yield { ...part, lastBytes: buffer.subarray(0, taken) };
  }
}

/**
 * Where the last whole line of a log ends: what comes from there on is new. The start for a log that is not
 * there yet.
 *
 * @throws the file system's error
 */
export async function endOfLog(path: string): Promise<Position> {
  const file = await openLog(path);
  if (!file) return LOG_START;
  try {
    const { size } = await file.stat();
    const buffer = Buffer.allocUnsafe(Math.min(size, 1 << 16));
    for (let end = size; end > 0; end -= buffer.length) {
      const start = Math.max(0, end - buffer.length);
      const { bytesRead } = await file.read(buffer, 0, end - start, start);
      const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
      if (newline >= 0) return { offset: start + newline + 1, withinOversized: false };
    }
    return LOG_START;
  } finally {
    await file.close();
  }
}

/** Every event of a log as it stands, but for the steps that `strideFor` leaves out. */
export async function readAllEvents(
  path: string,
  strideFor?: (bytesLeft: number) => number,
): Promise<EventBatch> {
  const events: RunEvent[] = [];
  let skipped = 0;
  const file = await openLog(path);
  try {
    if (!file) return { events, skipped };
    for await (const { batch } of partsFrom(file, LOG_START, strideFor)) {
      for (const event of batch.events) events.push(event);
      skipped += batch.skipped;
    }
    return { events, skipped };
  } finally {
    await file?.close();
  }
}
