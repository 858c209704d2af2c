import { repeatsIn } from './imageRandom';
import type { Purpose, SplitName } from './messages';

export interface PassOptions {
  readonly split: SplitName;
  readonly purpose: Purpose;
  readonly batchSize: number;
  /** Batches of it. */
  readonly count: number;
  /** The images of an epoch, indices into the split. */
  readonly order: Uint32Array;
  readonly epoch: number;
}

/** An epoch whose batches are prepared, in turn from some batch on. */
export class Pass {
  /** Of each place in the order, how often its image has come before; null for never. */
  readonly repeats: Uint32Array | null;
  /** Begun and not yet taken, by index. */
  readonly batches = new Map<number, PreparedBatch>();
  /** The first that is not begun. */
  begun: number;

  /** @param next the batch that is taken next */
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

  /** The images of a batch. */
  imagesOf(batch: number): Uint32Array {
    const { order, batchSize } = this.of;
    return order.subarray(batch * batchSize, (batch + 1) * batchSize);
  }
}

/** A batch that workers prepare, in parts. */
export class PreparedBatch {
  /** Rejects where one of its images cannot be used, or the workers are lost. */
  readonly whenPrepared: Promise<void>;
  /** Nobody takes it any more. */
  isDropped = false;
  #parts = 0;
  /** Of the first part that has one. */
  #failure: { readonly part: number; readonly error: Error } | null = null;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  /** @param slot where its images go */
  constructor(
    readonly slot: number,
    readonly images: Uint32Array,
  ) {
    this.whenPrepared = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // One that nobody waits for yet may fail.
    this.whenPrepared.catch(() => {});
  }

  /** Whether workers may still write to its slot. */
  get isUnderWay(): boolean {
    return this.#parts > 0;
  }

  expect(parts: number): void {
    this.#parts = parts;
  }

  /** A part is done, or is not to be done. Parts are numbered as they lie in the batch. */
  onPart(part: number, error: Error | null): void {
    this.#parts--;
    if (error && !(this.#failure && this.#failure.part < part)) this.#failure = { part, error };
    if (this.#parts > 0) return;
    // Once all are done, whichever was first: of several bad images the same is named each time.
    if (this.#failure) this.#reject(this.#failure.error);
    else this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}
