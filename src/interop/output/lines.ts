import { ByteBuffer } from './byteBuffer';

/** Bytes of a line that are kept. The rest of a longer line is dropped. */
export const MAX_LINE_BYTES = 1 << 20;

/**
 * Characters of the longest line that a known format can have. Their expressions may take quadratic time, which longer
 * lines would show.
 */
export const MAX_KNOWN_LENGTH = 1 << 12;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Matches terminal escape sequences (ECMA-48): colors and cursor movements, window titles and links, and all others.
 * No alternative scans past the next escape character, so the time is linear.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~]?)/g;

/**
 * Splits a stream of bytes into lines of text. A line feed, a carriage return or both end a line, because progress bars
 * overwrite their line with a carriage return. Lines are UTF-8 without terminal escape sequences. Invalid bytes become
 * U+FFFD. A line of more than 1 MiB is cut there.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  readonly #unfinished = new ByteBuffer();
  #isAfterReturn = false;

  /** Returns the lines that end in `bytes`, which follow the bytes of earlier calls. */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === LINE_FEED && this.#isAfterReturn) {
        start = at + 1;
      } else if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        lines.push(this.#line(bytes.subarray(start, at)));
        start = at + 1;
      }
      this.#isAfterReturn = byte === CARRIAGE_RETURN;
    }
    this.#keep(bytes.subarray(start));
    return lines;
  }

  /** Returns the last line if it has no line break. */
  end(): string[] {
    return this.#unfinished.length === 0 ? [] : [this.#line(new Uint8Array())];
  }

  /** Returns the line that ends with `last`. */
  #line(last: Uint8Array): string {
    // Most lines are within one chunk, and need no copy.
    if (this.#unfinished.length === 0) return this.#text(last.subarray(0, MAX_LINE_BYTES));
    this.#keep(last);
    const text = this.#text(this.#unfinished.view());
    this.#unfinished.clear();
    return text;
  }

  #text(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes);
    return text.includes('\x1b') ? text.replace(ESCAPES, '') : text;
  }

  #keep(part: Uint8Array): void {
    this.#unfinished.append(part.subarray(0, MAX_LINE_BYTES - this.#unfinished.length));
  }
}
