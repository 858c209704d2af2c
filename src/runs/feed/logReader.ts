import type { FileHandle } from 'node:fs/promises';
import { openLog, type PartOfLog, partsFrom } from '../log';
import { LOG_START, type Position } from '../logParser';

/** So many of the bytes before a position tell whether a file still is the one that was read up to there. */
const ANCHOR_BYTES = 64;

/** A part of a log. */
export interface ReadPart extends Omit<PartOfLog, 'next' | 'lastBytes'> {
  /** Whether what was read before is void: the file is another, shorter or gone, and is read from its start. */
  readonly isAnew: boolean;
}

/** Reads on in a log wherever it was left, and from the start where the file is not the one that was read before. */
export class LogReader {
  #position: Position = LOG_START;
  #file: string | null = null;
  /** The bytes before the position, as they were read. */
  #anchor: Buffer = Buffer.alloc(0);
  #isTail = false;

  constructor(
    private readonly path: string,
    private readonly strideFor?: (bytesLeft: number) => number,
  ) {}

  /** Whether the start of the log was left out. */
  get isTail(): boolean {
    return this.#isTail;
  }

  /** Goes on from a position, such as `endOfLog`'s. */
  startAt(position: Position): void {
    this.#position = position;
    this.#file = null;
    this.#anchor = Buffer.alloc(0);
    this.#isTail = position.offset > 0;
  }

  /**
   * Leaves out what comes before the last `bytes` bytes.
   *
   * @throws the file system's error
   */
  async startAtTail(bytes: number): Promise<void> {
    const file = await openLog(this.path);
    if (!file) return this.startAt(LOG_START);
    try {
      const offset = Math.max(0, (await file.stat()).size - bytes);
      // Whatever line that is in the middle of is left out.
      this.startAt({ offset, withinOversized: offset > 0 });
    } finally {
      await file.close();
    }
  }

  /**
   * What the log holds beyond what was read, a chunk at a time.
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
    // A number of an inode is used again, and a file may be written anew in its place.
    const { length } = this.#anchor;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset - length);
    return buffer.equals(this.#anchor);
  }
}

async function identityOf(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev} ${ino}`;
}
