import { repeatsIn } from './imageRandom';
import type { Purpose, SplitName } from './messages';

export interface PassOptions {
  readonly split: SplitName;
  readonly purpose: Purpose;
  readonly batchSize: number;
  /** Number of batches. */
  readonly count: number;
  /** The images of an epoch, indices into the split. */
  readonly order: Uint32Array;
  readonly epoch: number;
}

/** An epoch whose batches are prepared in sequence, starting at some batch. */
export class Pass {
  /** For each position in the order, how many times its image occurred before. Null if never. */
  readonly repeats: Uint32Array | null;
  /** Batches that are started and not yet taken, by index. */
  readonly batches = new Map<number, PreparedBatch>();
  /** The first batch that is not started. */
  begun: number;

  /** @param next the next batch to take */
  constructor(
    readonly of: PassOptions,
    public next: number,
  ) {
    this.repeats = repeatsIn(of.order, of.order.length);
    this.begun = next;
  }

  isOf({ split, purpose, batchSize, order, epoch }: PassOptions): boolean {
    const { of } = this;
    return (
      of.order === order &&
      of.split === split &&
      of.purpose === purpose &&
      of.batchSize === batchSize &&
      of.epoch === epoch
    );
  }

  /** Returns the images of a batch. */
  imagesOf(batch: number): Uint32Array {
    const { order, batchSize } = this.of;
    return order.subarray(batch * batchSize, (batch + 1) * batchSize);
  }
}

/** A batch that workers prepare in parts. */
export class PreparedBatch {
  /** Rejects if one of its images is unusable, or the workers are lost. */
  readonly whenPrepared: Promise<void>;
  /** Whether nobody will take the batch anymore. */
  isDropped = false;
  #parts = 0;
  /** The error of the first part with one. */
  #failure: { readonly part: number; readonly error: Error } | null = null;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  /** @param slot the destination of its images */
  constructor(
    readonly slot: number,
    readonly images: Uint32Array,
  ) {
    this.whenPrepared = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A batch may fail before anyone waits for it.
    this.whenPrepared.catch(() => {});
  }

  /** Whether workers may still write to its slot. */
  get isUnderWay(): boolean {
    return this.#parts > 0;
  }

  expect(parts: number): void {
    this.#parts = parts;
  }

  /** Handles a part that is finished or canceled. Parts are numbered by their position in the batch. */
  onPart(part: number, error: Error | null): void {
    this.#parts--;
    if (error && !(this.#failure && this.#failure.part < part)) this.#failure = { part, error };
    if (this.#parts > 0) return;
    // Waits until all parts are done. With several bad images, the error always names the same one.
    if (this.#failure) this.#reject(this.#failure.error);
    else this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}
