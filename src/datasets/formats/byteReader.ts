/** Reads a byte stream sequentially. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Returns the next `length` bytes, or fewer at the end of the stream, without consuming them. */
  async peek(length: number): Promise<Uint8Array> {
    while (this.#rest.length < length) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    }
    return this.#rest.subarray(0, length);
  }

  /** Consumes the next `length` bytes, or fewer at the end of the stream. */
  async take(length: number): Promise<Uint8Array> {
    const bytes = await this.peek(length);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  /**
   * Fills an array from the stream.
   *
   * @returns the number of bytes read, less than the array's length at the end of the stream
   */
  async fill(target: Uint8Array, onBytes?: (filled: number) => void): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const bytes = await this.peek(1);
      if (bytes.length === 0) break;
      const part = this.#rest.subarray(0, target.length - filled);
      target.set(part, filled);
      this.#rest = this.#rest.subarray(part.length);
      filled += part.length;
      onBytes?.(filled);
    }
    return filled;
  }

  /** Consumes the remaining bytes, up to `limit`, and returns their number. */
  async countRest(limit: number): Promise<number> {
    let count = 0;
    while (count < limit) {
      const bytes = await this.take(Math.max(1, this.#rest.length));
      if (bytes.length === 0) break;
      count += bytes.length;
    }
    return Math.min(count, limit);
  }
}
