import type { Placing } from '../../recipe/augmentation';
import type { DatasetFacts } from '../../recipe/datasets';
import { drawPlacement, placeImage, type Uniform } from './augment';
import type { Batch } from './batch';
import type { ImageSplit } from './dataset';
import { normalizationTable, normalize } from './normalization';

export interface BatchOptions {
  readonly batchSize: number;
  readonly augment: Placing;
  /** Whether to drop or keep the images after the last full batch: training drops them, evaluation keeps them. */
  readonly rest: 'drop' | 'keep';
}

/**
 * Makes batches of a split. Allocates its buffers once, and every batch is a view of them. A batch is therefore valid
 * until the next `fill`: a backend that does not copy a tensor's values must be done with it by then.
 */
export class Batches {
  /** Batches per epoch. */
  readonly count: number;
  readonly #images: Float32Array;
  readonly #labels: Int32Array;
  readonly #drawn: Uint8Array;
  readonly #placed: Uint8Array;
  readonly #normalized: Float32Array;

  constructor(
    readonly split: ImageSplit,
    readonly facts: DatasetFacts,
    readonly options: BatchOptions,
  ) {
    const { batchSize, rest } = options;
    const imageValues = facts.height * facts.width * facts.channels;
    this.count = rest === 'drop' ? Math.floor(split.count / batchSize) : Math.ceil(split.count / batchSize);
    this.#images = new Float32Array(batchSize * imageValues);
    this.#labels = new Int32Array(batchSize);
    this.#drawn = new Uint8Array(imageValues);
    this.#placed = new Uint8Array(imageValues);
    this.#normalized = normalizationTable(facts);
  }

  /**
   * Fills batch `index` of an epoch.
   *
   * @param order the epoch's images, [split.count] indices into the split
   * @param uniform the random source of augmentation, drawn from image by image
   * @throws RangeError if the epoch has no such batch, or if the order belongs to another split
   */
  fill(order: Uint32Array, index: number, uniform: Uniform): Batch {
    if (order.length !== this.split.count)
      throw new RangeError(`${order.length} of ${this.split.count} images`);
    if (!(index >= 0 && index < this.count)) throw new RangeError(`batch ${index} of ${this.count}`);
    const { batchSize, augment } = this.options;
    const start = index * batchSize;
    const size = Math.min(batchSize, order.length - start);
    const imageValues = this.#drawn.length;
    for (let slot = 0; slot < size; slot++) {
      const image = order[start + slot]!;
      this.#labels[slot] = this.split.label(image);
      this.split.draw(image, this.#drawn);
      normalize(this.#augmented(augment, uniform), this.#normalized, this.#images, slot * imageValues);
    }
    return {
      size,
      images: this.#images.subarray(0, size * imageValues),
      labels: this.#labels.subarray(0, size),
    };
  }

  #augmented(augment: Placing, uniform: Uniform): Uint8Array {
    if (augment === 'none') return this.#drawn;
    placeImage(this.#drawn, this.#placed, this.facts, drawPlacement(augment, this.facts, uniform));
    return this.#placed;
  }
}

/** Returns the unshuffled order for evaluation: 0 to `count` - 1. */
export function inOrder(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => index);
}
