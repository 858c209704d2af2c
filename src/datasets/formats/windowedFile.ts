import { closeSync, fstatSync, readSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import { reasonOf } from '../../system/errors';
import { openRegularSync } from '../../system/regularFiles';
import { datasetError } from '../errors';

/** Large enough that one read returns a tar member's header and a small file after it. */
const WINDOW_BYTES = 4096;

/** A file with synchronous random access. */
export class WindowedFile {
  readonly bytes: number;
  readonly #file: number;
  readonly #window = Buffer.alloc(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  /** @throws UserError if the file cannot be read; so do all methods */
  constructor(readonly path: string) {
    try {
      this.#file = openRegularSync(path);
      this.bytes = fstatSync(this.#file).size;
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  /** Returns bytes from a position, fewer at the end of the file. They are valid until the next read. */
  read(position: number, length: number): Uint8Array {
    try {
      if (length > WINDOW_BYTES) {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(this.#file, bytes, 0, length, position));
      }
      if (position < this.#start || position + length > this.#start + this.#length) {
        this.#start = position;
        this.#length = readSync(this.#file, this.#window, 0, WINDOW_BYTES, position);
      }
      const from = position - this.#start;
      return this.#window.subarray(from, Math.min(from + length, this.#length));
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #unreadable(error: unknown) {
    return datasetError(
      this.path,
      l10n.t('The file cannot be read: {0}.', reasonOf(error)),
      l10n.t('Check the file and its permissions.'),
      { cause: error },
    );
  }
}
