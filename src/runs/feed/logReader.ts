import type { FileHandle } from 'node:fs/promises';
import { openLog, type PartOfLog, partsFrom } from '../log';
import { LOG_START, type Position } from '../logParser';

/** Number of bytes before a position that identify the file that was read up to there. */
const ANCHOR_BYTES = 64;

/** A part of a log. */
export interface ReadPart extends Omit<PartOfLog, 'next' | 'lastBytes'> {
  /** Whether earlier parts are void: the file is different, shorter or missing, and is read from its start. */
  readonly isAnew: boolean;
}

/** Reads a log incrementally. Starts over if the file is not the one that was read before. */
export class LogReader {
  #position: Position = LOG_START;
  #file: string | null = null;
  /** The bytes before the position, as read. */
  #anchor: Buffer = Buffer.alloc(0);
  #isTail = false;

  constructor(
    private readonly path: string,
    private readonly strideFor?: (bytesLeft: number) => number,
  ) {}

  /** Whether the start of the log was skipped. */
  get isTail(): boolean {
    return this.#isTail;
  }

  /** Continues from a position, such as `endOfLog`'s. */
  startAt(position: Position): void {
    this.#position = position;
    this.#file = null;
    this.#anchor = Buffer.alloc(0);
    this.#isTail = position.offset > 0;
  }

  /**
   * Skips everything before the last `bytes` bytes.
   *
   * @throws the file system's error
   */
  async startAtTail(bytes: number): Promise<void> {
    const file = await openLog(this.path);
    if (!file) return this.startAt(LOG_START);
    try {
      const offset = Math.max(0, (await file.stat()).size - bytes);
      // Skip the line that this position cuts.
      this.startAt({ offset, withinOversized: offset > 0 });
    } finally {
      await file.close();
    }
  }

  /**
   * Yields the unread rest of the log, one chunk at a time.
   *
   * @throws the file system's error
   */
  async *read(): AsyncGenerator<ReadPart> {
    const file = await openLog(this.path);
    if (!file) {
      const wasRead = this.#file !== null;
      this.startAt(LOG_START);
      if (wasRead) yield { batch: { events: [], skipped: 0 }, isAnew: true };
      return;
    }
    try {
      let isAnew = !(await this.#isTheOneRead(file));
      if (isAnew) this.startAt(LOG_START);
      this.#file = await identityOf(file);
      let isEmpty = true;
      for await (const { batch, next, lastBytes } of partsFrom(file, this.#position, this.strideFor)) {
        this.#position = next;
        this.#anchor = Buffer.from(lastBytes.subarray(-ANCHOR_BYTES));
        yield { batch, isAnew };
        isAnew = false;
        isEmpty = false;
      }
      if (isAnew && isEmpty) yield { batch: { events: [], skipped: 0 }, isAnew };
    } finally {
      await file.close();
    }
  }

  async #isTheOneRead(file: FileHandle): Promise<boolean> {
    if (this.#file !== null && (await identityOf(file)) !== this.#file) return false;
    const { offset } = this.#position;
    if ((await file.stat()).size < offset) return false;
    // Inode numbers are reused, and a file may be rewritten in place.
    const { length } = this.#anchor;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset - length);
    return buffer.equals(this.#anchor);
  }
}

async function identityOf(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev} ${ino}`;
}
