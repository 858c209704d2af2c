import type { FileHandle } from 'node:fs/promises';
import type { RunEvent } from '../protocol/events';
import { isSystemError } from '../system/errors';
import { openPlain } from '../system/plainFiles';
import { type EventBatch, LOG_START, MAX_LINE_BYTES, NEWLINE, type Position, parseEvents } from './logParser';

/** Bytes to read at a time. More than the longest line, so that every full chunk makes progress. */
const CHUNK_BYTES = MAX_LINE_BYTES + (1 << 16);

/** More steps than a chart can show. */
export const CHART_POINTS = 90_000;

/** Approximate size of a step in a log: 16 MiB contain as many steps as a chart receives. */
const STEP_BYTES = (1 << 24) / CHART_POINTS;

/**
 * Which steps a reader far behind may skip, because no chart shows a million steps. Returns the stride for this many
 * unread bytes: only steps that are multiples of it are kept. It is a power of two, so steps skipped later would also
 * have been skipped earlier.
 *
 * @param points approximate number of steps wanted
 */
export function thinningStride(bytesLeft: number, points = CHART_POINTS): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(bytesLeft / (points * STEP_BYTES))));
}

/** Opens a log for reading. Returns null if there is none. */
export async function openLog(path: string): Promise<FileHandle | null> {
  try {
    return await openPlain(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** A part of a log up to its last complete line. */
export interface PartOfLog {
  readonly batch: EventBatch;
  readonly next: Position;
  /** The end of the part: bytes before `next`, possibly not all of the part. */
  readonly lastBytes: Buffer;
}

/**
 * Reads an open log from a position, one chunk at a time, up to its last complete line.
 *
 * @param strideFor which steps to skip, such as `thinningStride`
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
    // Keep the last chunk complete: it is what the user looks at.
    const isLast = position.offset + bytesRead >= size;
    const part = parseEvents(buffer.subarray(0, bytesRead), position, isLast ? 1 : stride);
    const taken = part.next.offset - position.offset;
    if (taken === 0) return;
    position = part.next;
    yield { ...part, lastBytes: buffer.subarray(0, taken) };
  }
}

/**
 * Finds the end of the last complete line of a log. Everything after it is new. For a missing log, returns the start.
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

/** Reads all events of a log, except the steps that `strideFor` skips. */
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
