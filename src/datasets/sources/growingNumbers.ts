type NumberArray = Uint32Array | Float64Array;
const PART_LENGTH = 1 << 14;

/** A list of numbers that grows without copying, and moves to shared memory at the end. */
export class GrowingNumbers<Numbers extends NumberArray> {
  readonly #parts: Numbers[] = [];
  #length = 0;

  constructor(
    private readonly type: { new (length: number | SharedArrayBuffer): Numbers; BYTES_PER_ELEMENT: number },
  ) {}

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const offset = this.#length++ % PART_LENGTH;
    if (offset === 0) this.#parts.push(new this.type(PART_LENGTH));
    this.#parts.at(-1)![offset] = value;
  }

  /** Returns all numbers in shared memory and empties the list. */
  share(): Numbers {
    const length = this.#length;
    const shared = new this.type(new SharedArrayBuffer(length * this.type.BYTES_PER_ELEMENT));
    for (let start = 0; start < length; start += PART_LENGTH) {
      shared.set(this.#parts.shift()!.subarray(0, length - start), start);
    }
    this.#length = 0;
    return shared;
  }
}
