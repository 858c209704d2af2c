import { isStepEvent, type RunEvent, runEventSchema } from '../protocol/events';

/** A longer line is no event: it is skipped without being held. */
export const MAX_LINE_BYTES = 1 << 20;

/** Of each block of a thinned log, about 350 steps, the steps of the lowest and the highest loss are kept. */
const THINNING_BLOCK_BYTES = 1 << 16;

export const NEWLINE = 0x0a;
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
function parseEvent(line: string): RunEvent | null {
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
