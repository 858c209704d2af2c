import { closeSync, fstatSync, fsync, fsyncSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { isFinal, type RunEvent } from '../protocol/events';
import { openPlainSync } from '../system/plainFiles';
import { endOfLog } from './log';

/** An event waits at most this long to be written. */
const FLUSH_MS = 100;

/** Whose lines a log gets, and who hears of them. */
export interface MetricsLogOptions {
  /** Written into each line. */
  readonly attempt: number;
  /** Told how many bytes the log has, each time it has grown. */
  readonly onAppended?: (bytes: number) => void;
  /** Called before each write, to throw where the run is another's by now. */
  readonly beforeWrite?: () => void;
}

/**
 * A run's metrics.ndjson: append only, one event a line, each with its attempt. Many events a second are written
 * together, and a final one at once, synced to the disk. Nothing is ever taken off the log: another attempt may have
 * written behind it.
 */
export class MetricsLog {
  readonly #file: number;
  /** Bytes up to the end of what was last written here. */
  #bytes: number;
  /** Whether the last line may be cut, by a crash or a full disk: what comes next begins a new one. */
  #isCut: boolean;
  #waiting = '';
  #timer: NodeJS.Timeout | null = null;
  #failure: { readonly error: unknown } | null = null;

  /**
   * Opens a run's log, to go on behind what it holds.
   *
   * @throws the file system's error when the log cannot be opened
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

  /** @throws the file system's error when this event or one before it could not be written */
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
   * Writes what waits, so that what was appended is in the file. A line that could be written in part alone is cut.
   *
   * @throws the file system's error
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
      this.#isCut ||= written > 0;
      throw Object.assign(error as Error, { path: this.path });
    } finally {
      this.#bytes = fstatSync(this.#file).size;
    }
    this.options.onAppended?.(this.#bytes);
  }

  /**
   * Writes what waits, and returns once the disk has all of the log.
   *
   * @throws the file system's error
   */
  async sync(): Promise<void> {
    this.flush();
    await promisify(fsync)(this.#file);
  }

  /** Writes what waits and closes the file. */
  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#file);
    }
  }

  /** Throws once what failed behind the back of `append`. */
  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure.error;
  }
}
