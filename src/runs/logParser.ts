import { isStepEvent, type RunEvent, runEventSchema } from '../protocol/events';

/** A longer line is not an event. It is skipped without being buffered. */
export const MAX_LINE_BYTES = 1 << 20;

/** A thinned log keeps the steps with the lowest and the highest loss of each block, which has about 350 steps. */
const THINNING_BLOCK_BYTES = 1 << 16;

export const NEWLINE = 0x0a;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

/** The content of a part of a log. */
export interface EventBatch {
  readonly events: readonly RunEvent[];
  /** Number of lines that are not events. */
  readonly skipped: number;
}

/** A read position in a log. */
export interface Position {
  /** Byte offset of the first unread line. */
  readonly offset: number;
  /** Whether the offset is inside a line that is too long. */
  readonly withinOversized: boolean;
}

export const LOG_START: Position = { offset: 0, withinOversized: false };

/** Parses one line of a log. Returns null if it is not an event. */
function parseEvent(line: string): RunEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return isStepEvent(value) ? value : (runEventSchema.safeParse(value).data ?? null);
  } catch {
    return null;
  }
}

/**
 * Parses the events in `bytes`, the part of a log that begins at `position`, up to its last complete line. An
 * incomplete line is read later.
 *
 * @param stride skips steps that are not a multiple of it without parsing them, except those with the lowest and the
 *   highest loss of each block
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
    const stepAt = stride > 1 && !withinOversized ? skippedStepAt(bytes, start, end, stride) : null;
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

/** A skipped line of a log. */
interface SkippedLine {
  readonly start: number;
  readonly end: number;
  readonly loss: number;
}

/** Collects the events of a block into `events`, and restores the skipped steps with extreme losses. */
class ThinningBlock {
  readonly #firstIndex: number;
  /** Start offsets of the lines of the block's events. */
  readonly #starts: number[] = [];
  #lowest: SkippedLine | null = null;
  #highest: SkippedLine | null = null;

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

  /** @param stepAt offset of the step number in the line, which comes before the loss */
  leaveOut(start: number, end: number, stepAt: number): void {
    const loss = lossAfter(this.bytes, stepAt, end);
    if (loss < (this.#lowest?.loss ?? Number.POSITIVE_INFINITY)) this.#lowest = { start, end, loss };
    if (loss > (this.#highest?.loss ?? Number.NEGATIVE_INFINITY)) this.#highest = { start, end, loss };
  }

  /** Call at the end of a block. Restores a spike in the loss that no kept step shows. */
  putBackExtremes(): void {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let index = this.#firstIndex; index < this.events.length; index++) {
      const event = this.events[index];
      if (event?.type !== 'step') continue;
      if (event.loss === undefined) continue;
      least = Math.min(least, event.loss);
      most = Math.max(most, event.loss);
    }
    const [lowest, highest] = [this.#lowest, this.#highest];
    if (lowest && lowest.loss < least) this.#putBack(lowest);
    if (highest && highest.loss > most && highest !== lowest) this.#putBack(highest);
  }

  #putBack({ start, end }: SkippedLine): void {
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

/** Finds the start of a key's value between `at` and `end`. A search without a limit would scan all following lines. */
function afterKey(bytes: Buffer, key: Buffer, at: number, end: number): number | null {
  for (let start = at; start + key.length <= end; start++) {
    let matched = 0;
    while (matched < key.length && bytes[start + matched] === key[matched]) matched += 1;
    if (matched === key.length) return start + matched;
  }
  return null;
}

/** Parses the loss in a step's line between `at` and `end`. NaN if there is none. */
function lossAfter(bytes: Buffer, at: number, end: number): number {
  const start = afterKey(bytes, LOSS_KEY, at, end);
  if (start === null) return Number.NaN;
  let comma = start;
  while (comma < end && bytes[comma] !== COMMA) comma += 1;
  return Number(bytes.toString('latin1', start, comma));
}

/**
 * If the line in `bytes` from `start` to `end` is a step in the trainer's own format and not a multiple of the stride,
 * returns the offset of its step number. Otherwise returns null.
 */
function skippedStepAt(bytes: Buffer, start: number, end: number, stride: number): number | null {
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
