import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent } from '../protocol/events';
import { isSystemError } from '../system/errors';
import { openPlain } from '../system/plainFiles';
import { type EventBatch, LOG_START, MAX_LINE_BYTES, NEWLINE, type Position, parseEvents } from './logParser';

/** How much of a log is read at a time: a line more than the longest, so that every full chunk gets on. */
const CHUNK_BYTES = MAX_LINE_BYTES + (1 << 16);

/** How often a followed log is looked at where nothing else tells of its growth. */
const POLL_MS = 1000;

/** Rest between two readings, so that a fast trainer costs its readers little. */
const READ_GAP_MS = 50;

/** About 90,000 steps. */
const THIN_ABOVE_BYTES = 1 << 24;

/**
 * What a reader may leave out that has fallen far behind: no chart shows a million steps. With so many bytes left
 * to read, only steps that are multiples of this; a power of two, so that what is left out later was so before.
 */
export function thinningStride(bytesLeft: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(bytesLeft / THIN_ABOVE_BYTES)));
}

/**
 * Reads on in a log, a chunk at a time, to its last whole line. A log that is not there yet has no events.
 *
 * @param strideFor which steps to leave out, such as `thinningStride`
 * @throws the file system's error
 */
export async function* readEvents(
  path: string,
  from: Position = LOG_START,
  strideFor: (bytesLeft: number) => number = () => 1,
): AsyncGenerator<{ batch: EventBatch; next: Position }> {
  let file: FileHandle;
  try {
    file = await openPlain(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  try {
    const stride = strideFor((await file.stat()).size - from.offset);
    for (let position = from; ; ) {
      const { size } = await file.stat();
      if (size <= position.offset) return;
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - position.offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position.offset);
      // The last of it whole: it is what a person looks at.
      const isLast = position.offset + bytesRead >= size;
      const part = parseEvents(buffer.subarray(0, bytesRead), position, isLast ? 1 : stride);
      if (part.next.offset === position.offset) return;
      position = part.next;
      yield part;
    }
  } finally {
    await file.close();
  }
}

/**
 * Where the last whole line of a log ends: what comes from there on is new. The start for a log that is not
 * there yet.
 *
 * @throws the file system's error
 */
export async function endOfLog(path: string): Promise<Position> {
  let file: FileHandle;
  try {
    file = await openPlain(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return LOG_START;
    throw error;
  }
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
  for await (const { batch } of readEvents(path, LOG_START, strideFor)) {
    for (const event of batch.events) events.push(event);
    skipped += batch.skipped;
  }
  return { events, skipped };
}

/**
 * Follows a run's log: `events` gives what is new, in order and once. Woken by `poke`, by the file system and
 * by a slow poll; it may start before there is a log, and `from` the 'end' of what one holds.
 */
export class RunFollower extends EventEmitter<{ events: [batch: EventBatch]; error: [error: unknown] }> {
  #position: Position;
  /** The reading under way or asked for; the next one waits for it. */
  #reading: Promise<void> = Promise.resolve();
  #readEndedAt = Number.NEGATIVE_INFINITY;
  #asked = false;
  #closed = false;
  #watcher: FSWatcher | null = null;
  readonly #poll: NodeJS.Timeout;

  constructor(
    readonly path: string,
    from: Position | 'end' = LOG_START,
    private readonly strideFor?: (bytesLeft: number) => number,
  ) {
    super();
    this.#position = from === 'end' ? LOG_START : from;
    if (from === 'end') this.#reading = this.#skipToEnd();
    try {
      this.#watcher = watch(dirname(path), { persistent: false }, (_, name) => {
        if (name === null || name === basename(path)) this.poke();
      });
      // A folder that goes away, or a machine out of watches, leaves the poll.
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      this.#watcher = null;
    }
    this.#poll = setInterval(() => this.poke(), POLL_MS).unref();
    this.poke();
  }

  /** How far the log has been read. */
  get position(): Position {
    return this.#position;
  }

  /** Reads what is new, soon; many pokes make one reading. */
  poke(): void {
    if (this.#closed || this.#asked) return;
    this.#asked = true;
    this.#reading = this.#reading.then(async () => {
      const waitMs = this.#readEndedAt + READ_GAP_MS - performance.now();
      if (waitMs > 0) await delay(waitMs);
      this.#asked = false;
      await this.#read();
    });
  }

  /** Resolves once all that the log holds by now was given. */
  drain(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  /** Gives no more events. */
  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#poll);
  }

  async #skipToEnd(): Promise<void> {
    try {
      this.#position = await endOfLog(this.path);
    } catch (error) {
      if (this.listenerCount('error') > 0) this.emit('error', error);
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const { batch, next } of readEvents(this.path, this.#position, this.strideFor)) {
        if (this.#closed) return;
        this.#position = next;
        if (batch.events.length > 0 || batch.skipped > 0) this.emit('events', batch);
      }
    } catch (error) {
      if (this.listenerCount('error') > 0) this.emit('error', error);
    } finally {
      this.#readEndedAt = performance.now();
    }
  }
}
