import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isStepEvent, type RunEvent, runEventSchema } from '../protocol/events';
import { isSystemError } from '../system/errors';

/** A longer line is no event: it is skipped without being held. */
export const MAX_LINE_BYTES = 1 << 20;

/** How much of a log is read at a time: a line more than the longest, so that every full chunk gets on. */
const CHUNK_BYTES = MAX_LINE_BYTES + (1 << 16);

/** How often a followed log is looked at where nothing else tells of its growth. */
const POLL_MS = 1000;

/** Rest between two readings, so that a fast trainer costs its readers little. */
const READ_GAP_MS = 50;

/** About 90,000 steps. */
const THIN_ABOVE_BYTES = 1 << 24;

/** Of each block of a thinned log, about 350 steps, the steps of the lowest and the highest loss are kept. */
const THINNING_BLOCK_BYTES = 1 << 16;

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

/** What a part of a log holds. */
export interface EventBatch {
  readonly events: readonly RunEvent[];
  /** Lines that are no events. */
  readonly skipped: number;
}

/** How far a log has been read. */
export interface Position {
  /** Bytes: the start of the first line not yet read. */
  readonly offset: number;
  /** Whether that lies within a line that is too long. */
  readonly withinOversized: boolean;
}

export const LOG_START: Position = { offset: 0, withinOversized: false };

/** The event that one line of a log holds, or null for a line that is none. */
export function parseEvent(line: string): RunEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return isStepEvent(value) ? value : (runEventSchema.safeParse(value).data ?? null);
  } catch {
    return null;
  }
}

/**
 * The events of `bytes`, a part of a log that begins at `position`, up to its last whole line; a cut line is
 * left to be read when the rest of it has come.
 *
 * @param stride leaves out steps that are no multiple of it, without parsing them, but for the lowest and the
 *   highest loss of every block
 */
export function parseEvents(
  bytes: Buffer,
  position: Position,
  stride = 1,
): { batch: EventBatch; next: Position } {
  const events: RunEvent[] = [];
  let skipped = 0;
  let start = 0;
  let block = new ThinningBlock(bytes, events);
  let { withinOversized } = position;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    if (start - block.start >= THINNING_BLOCK_BYTES) {
      block.putBackExtremes();
      block = new ThinningBlock(bytes, events, start);
    }
    const stepAt = stride > 1 && !withinOversized ? leftOutStepAt(bytes, start, end, stride) : null;
    if (stepAt !== null) {
      block.leaveOut(start, end, stepAt);
      start = end + 1;
      continue;
    }
    const oversized = withinOversized || end - start > MAX_LINE_BYTES;
    const line = oversized ? '' : bytes.toString('utf8', start, end).trim();
    const event = line ? parseEvent(line) : null;
    if (event) block.keep(start, event);
    else if (line || oversized) skipped += 1;
    withinOversized = false;
    start = end + 1;
  }
  block.putBackExtremes();
  if (withinOversized || bytes.length - start > MAX_LINE_BYTES) {
    withinOversized = true;
    start = bytes.length;
  }
  return { batch: { events, skipped }, next: { offset: position.offset + start, withinOversized } };
}

/** A line of a log that was left out. */
interface LeftOutLine {
  readonly start: number;
  readonly end: number;
  readonly loss: number;
}

/** Puts the events of a part of a log into `events`, and of the steps that are left out the extremes of their loss. */
class ThinningBlock {
  readonly #firstIndex: number;
  /** Where the lines of the block's events start. */
  readonly #starts: number[] = [];
  #lowest: LeftOutLine | null = null;
  #highest: LeftOutLine | null = null;

  constructor(
    private readonly bytes: Buffer,
    private readonly events: RunEvent[],
    readonly start = 0,
  ) {
    this.#firstIndex = events.length;
  }

  keep(start: number, event: RunEvent): void {
    this.#starts.push(start);
    this.events.push(event);
  }

  /** @param stepAt where the line has its step, before its loss */
  leaveOut(start: number, end: number, stepAt: number): void {
    const loss = lossAfter(this.bytes, stepAt, end);
    if (loss < (this.#lowest?.loss ?? Number.POSITIVE_INFINITY)) this.#lowest = { start, end, loss };
    if (loss > (this.#highest?.loss ?? Number.NEGATIVE_INFINITY)) this.#highest = { start, end, loss };
  }

  /** Once the block is over: a spike that no kept step shows is shown too. */
  putBackExtremes(): void {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let index = this.#firstIndex; index < this.events.length; index++) {
      const event = this.events[index];
      if (event?.type !== 'step') continue;
      least = Math.min(least, event.loss);
      most = Math.max(most, event.loss);
    }
    const [lowest, highest] = [this.#lowest, this.#highest];
    if (lowest && lowest.loss < least) this.#putBack(lowest);
    if (highest && highest.loss > most && highest !== lowest) this.#putBack(highest);
  }

  #putBack({ start, end }: LeftOutLine): void {
    const event = parseEvent(this.bytes.toString('utf8', start, end));
    if (!event) return;
    const after = this.#starts.findIndex((other) => other > start);
    const index = after < 0 ? this.#starts.length : after;
    this.#starts.splice(index, 0, start);
    this.events.splice(this.#firstIndex + index, 0, event);
  }
}

const STEP_LINE = Buffer.from('{"type":"step",');
const STEP_KEY = Buffer.from('"step":');
const LOSS_KEY = Buffer.from('"loss":');

/** Where the value of a key starts, from `at` on and before `end`: a search that went on in other lines has no end. */
function afterKey(bytes: Buffer, key: Buffer, at: number, end: number): number | null {
  for (let start = at; start + key.length <= end; start++) {
    let matched = 0;
    while (matched < key.length && bytes[start + matched] === key[matched]) matched += 1;
    if (matched === key.length) return start + matched;
  }
  return null;
}

/** The loss in a step's line, from `at` to `end`; NaN where there is none. */
function lossAfter(bytes: Buffer, at: number, end: number): number {
  const start = afterKey(bytes, LOSS_KEY, at, end);
  if (start === null) return Number.NaN;
  let comma = start;
  while (comma < end && bytes[comma] !== COMMA) comma += 1;
  return Number(bytes.toString('latin1', start, comma));
}

/**
 * Where the line in `bytes` from `start` to `end` has its step, where it is a step's, as the trainer writes it, and
 * no multiple; else null.
 */
function leftOutStepAt(bytes: Buffer, start: number, end: number, stride: number): number | null {
  if (bytes.compare(STEP_LINE, 0, STEP_LINE.length, start, Math.min(end, start + STEP_LINE.length)) !== 0) {
    return null;
  }
  const digits = afterKey(bytes, STEP_KEY, start + STEP_LINE.length, end);
  if (digits === null) return null;
  let step = 0;
  let at = digits;
  for (
    let digit = bytes[at];
    at < end && digit !== undefined && digit >= ZERO && digit <= NINE;
    digit = bytes[at]
  ) {
    step = 10 * step + digit - ZERO;
    at += 1;
  }
  return at > digits && step % stride !== 0 ? at : null;
}

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
    file = await open(path);
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
    file = await open(path);
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
