import { fstatSync, ftruncateSync, writeSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import { formatBytes } from '../shared/format';

/** How much of the start and of the end of a command's output is kept, in bytes each. */
const KEPT_BYTES = 8 << 20;

const LINE_FEED = 0x0a;

/**
 * Writes a command's output into a file, with a bound: the first bytes, the last bytes, and a line between them that
 * says how much is left out. The end is in the file while the command runs, too. Then it may be up to twice as long.
 *
 * A log that cannot be written does not end a training.
 */
export class BoundedLog {
  readonly #isFile: boolean;
  #headBytes = 0;
  /** The file's size before the end began. Null while the output is within the first bytes. */
  #headEnd: number | null = null;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #omittedBytes = 0;

  /** @param file open to append. If it is not a regular file, the end is written when the command has ended. */
  constructor(
    private readonly file: number,
    private readonly keptBytes = KEPT_BYTES,
  ) {
    this.#isFile = fstatSync(file).isFile();
  }

  /** Appends output. Does not copy it, so the caller must not change the bytes. */
  write(bytes: Uint8Array): void {
    const head = bytes.subarray(0, this.keptBytes - this.#headBytes);
    this.#headBytes += head.length;
    this.#append(head);
    const rest = bytes.subarray(head.length);
    if (rest.length === 0) return;
    this.#headEnd ??= this.#isFile ? fstatSync(this.file).size : 0;
    this.#tail.push(rest);
    this.#tailBytes += rest.length;
    if (this.#isFile) this.#append(rest);
    if (this.#tailBytes > 2 * this.keptBytes) this.#trim();
  }

  /** Appends a line of our own. */
  note(text: string): void {
    this.write(Buffer.from(`${text}\n`));
  }

  /** Reduces the end to its bound. Call it when the output has ended. */
  end(): void {
    if (this.#tailBytes > this.keptBytes) this.#trim();
    if (!this.#isFile && this.#headEnd !== null) this.#writeTail();
  }

  #trim(): void {
    const all = Buffer.concat(this.#tail);
    const last = all.subarray(all.length - this.keptBytes);
    // Begin with a whole line, if there is one.
    const kept = last.subarray(last.indexOf(LINE_FEED) + 1);
    this.#omittedBytes += all.length - kept.length;
    this.#tail = [kept];
    this.#tailBytes = kept.length;
    if (!this.#isFile || this.#headEnd === null) return;
    try {
      ftruncateSync(this.file, this.#headEnd);
    } catch {
      return;
    }
    this.#writeTail();
  }

  #writeTail(): void {
    if (this.#omittedBytes > 0) {
      const text = l10n.t('... {0} of the output are left out here ...', formatBytes(this.#omittedBytes));
      this.#append(Buffer.from(`\n${text}\n`));
    }
    for (const part of this.#tail) this.#append(part);
  }

  #append(bytes: Uint8Array): void {
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.file, bytes, written);
    } catch {
      // A full disk. The metrics log ends the run if it cannot be written either.
    }
  }
}
