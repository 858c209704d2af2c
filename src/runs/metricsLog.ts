import { closeSync, fstatSync, fsync, fsyncSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { isFinal, type RunEvent } from '../protocol/events';
import { openPlainSync } from '../system/plainFiles';
import { endOfLog } from './log';

/** Maximum time before an event is written. */
const FLUSH_MS = 100;

/**
 * Maximum size of the events kept after a failed write. On a full disk, they must leave room for the final event in the
 * space that is reserved for the log.
 */
const KEPT_BYTES = 1 << 13;

/** The attempt that writes a log, and the log's callbacks. */
export interface MetricsLogOptions {
  /** Added to each line. */
  readonly attempt: number;
  /** Called with the log's size in bytes each time it has grown. */
  readonly onAppended?: (bytes: number) => void;
  /** Called before each write. Throws if the run now belongs to another process. */
  readonly beforeWrite?: () => void;
}

/**
 * Writes a run's metrics.ndjson: append only, one event per line, each with its attempt. Batches frequent events.
 * Writes a final event immediately and syncs it to disk. Never truncates the log, because another attempt may have
 * appended to it.
 */
export class MetricsLog {
  readonly #file: number;
  /** Size of the log after the last write here. */
  #bytes: number;
  /**
   * Whether the last line may be incomplete, after a crash or on a full disk. If so, the next write begins a new line.
   */
  #isCut: boolean;
  #waiting = '';
  #timer: NodeJS.Timeout | null = null;
  #failure: { readonly error: unknown } | null = null;

  /**
   * Opens a run's log to append to it.
   *
   * @throws the file system's error if the log cannot be opened
   */
  static async open(path: string, options: MetricsLogOptions): Promise<MetricsLog> {
    const { offset } = await endOfLog(path);
    return new MetricsLog(path, offset, options);
  }

  private constructor(
    readonly path: string,
    wholeBytes: number,
    private readonly options: MetricsLogOptions,
  ) {
    this.#file = openPlainSync(path, 'a');
    this.#bytes = fstatSync(this.#file).size;
    this.#isCut = this.#bytes > wholeBytes;
  }

  /** @throws the file system's error if this event or an earlier one could not be written */
  append(event: RunEvent): void {
    this.#throwFailure();
    this.#waiting += `${JSON.stringify({ ...event, attempt: this.options.attempt })}\n`;
    if (isFinal(event)) {
      this.flush();
      fsyncSync(this.#file);
    } else {
      this.#timer ??= setTimeout(() => {
        try {
          this.flush();
        } catch (error) {
          this.#failure = { error };
        }
      }, FLUSH_MS);
    }
  }

  /**
   * Writes pending events, so that all appended events are in the file. If that fails, an incompletely written line
   * stays cut, and the next write repeats it and continues with the events after it, up to KEPT_BYTES.
   *
   * @throws the file system's error, or that of `beforeWrite`, which drops the events
   */
  flush(): void {
    this.#throwFailure();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting === '') return;
    const lines = Buffer.from(`${this.#isCut ? '\n' : ''}${this.#waiting}`);
    this.#waiting = '';
    this.options.beforeWrite?.();
    let written = 0;
    try {
      while (written < lines.length) written += writeSync(this.#file, lines, written);
      this.#isCut = false;
    } catch (error) {
      this.#keepUnwritten(lines, written);
      throw Object.assign(error as Error, { path: this.path });
    } finally {
      this.#bytes = fstatSync(this.#file).size;
    }
    this.options.onAppended?.(this.#bytes);
  }

  /**
   * Writes pending events and resolves when the whole log is on disk.
   *
   * @throws the file system's error
   */
  async sync(): Promise<void> {
    this.flush();
    await promisify(fsync)(this.#file);
  }

  /** Writes pending events and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#file);
    }
  }

  /**
   * Keeps the lines that are not completely in the file.
   *
   * @param lines what was to be written, with a line break in front if the last line in the file was cut
   */
  #keepUnwritten(lines: Buffer, written: number): void {
    const whole = written === 0 ? 0 : lines.lastIndexOf('\n', written - 1) + 1;
    if (written > 0) this.#isCut = written > whole;
    const rest = lines.subarray(whole).toString('utf8').replace(/^\n/, '');
    this.#waiting = wholeLines(rest, KEPT_BYTES);
  }

  /** Throws, once, an error of a delayed write after `append`. */
  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure.error;
  }
}

/** Returns as many of the first lines as fit into a number of bytes. */
function wholeLines(lines: string, bytes: number): string {
  const start = Buffer.from(lines).subarray(0, bytes);
  return start.subarray(0, start.lastIndexOf('\n') + 1).toString('utf8');
}
