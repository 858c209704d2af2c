/** Bytes that arrive in parts. Appending is amortized linear, also for parts of one byte. */
export class ByteBuffer {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies `part` to the end. */
  append(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
  }

  /** Returns a view of the bytes, valid until the next change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Removes all bytes, and the memory of a long line or record. */
  clear(): void {
    if (this.#bytes.length > 1 << 16) this.#bytes = new Uint8Array(256);
    this.#length = 0;
  }
}
