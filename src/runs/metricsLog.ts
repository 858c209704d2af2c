import { closeSync, fstatSync, fsync, fsyncSync, ftruncateSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { isFinal, type RunEvent } from '../protocol/events';
import { openPlainSync } from '../system/plainFiles';
import { endOfLog } from './log';

/** An event waits at most this long to be written. */
const FLUSH_MS = 100;

/**
 * A run's metrics.ndjson: append only, one event a line. Many events a second are written together, and a final
 * one at once, synced to the disk.
 */
export class MetricsLog {
  readonly #file: number;
  #bytes: number;
  #waiting = '';
  #timer: NodeJS.Timeout | null = null;
  #failure: { readonly error: unknown } | null = null;

  /**
   * Opens a run's log, to go on where it ends: a last line that was cut, by a crash or a full disk, is taken off.
   *
   * @param onAppended Told how many bytes the log has, each time it has grown.
   * @throws the file system's error when the log cannot be opened
   */
  static async open(path: string, onAppended?: (bytes: number) => void): Promise<MetricsLog> {
    const { offset } = await endOfLog(path);
    const log = new MetricsLog(path, onAppended);
    if (log.#bytes > offset) {
      ftruncateSync(log.#file, offset);
      log.#bytes = offset;
    }
    return log;
  }

  private constructor(
    readonly path: string,
    private readonly onAppended: (bytes: number) => void = () => {},
  ) {
    this.#file = openPlainSync(path, 'a');
    this.#bytes = fstatSync(this.#file).size;
  }

  /** @throws the file system's error when this event or one before it could not be written */
  append(event: RunEvent): void {
    this.#throwFailure();
    this.#waiting += `${JSON.stringify(event)}\n`;
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
   * Writes what waits, so that what was appended is in the file. What cannot be written whole is not written.
   *
   * @throws the file system's error
   */
  flush(): void {
    this.#throwFailure();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting === '') return;
    const lines = Buffer.from(this.#waiting);
    this.#waiting = '';
    try {
      for (let written = 0; written < lines.length; ) written += writeSync(this.#file, lines, written);
    } catch (error) {
      this.#dropBeyond(this.#bytes);
      throw Object.assign(error as Error, { path: this.path });
    }
    this.#bytes += lines.length;
    this.onAppended(this.#bytes);
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

  /** Takes a line that was written in part off the log. */
  #dropBeyond(bytes: number): void {
    try {
      ftruncateSync(this.#file, bytes);
    } catch {
      // Readers skip a cut line; why the write failed is what counts.
    }
  }

  /** Throws once what failed behind the back of `append`. */
  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure.error;
  }
}
