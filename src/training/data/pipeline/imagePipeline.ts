import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { shardedOrder } from '../../../datasets/order';
import { imageName, type SplitTable } from '../../../datasets/table';
import type { AugmentationStep } from '../../../recipe/augmentation';
import type { DatasetFacts } from '../../../recipe/datasets';
import type { ImagesRecipe } from '../../../recipe/recipe';
import { UserError } from '../../../shared/userError';
import type { Batch, BatchSource } from '../batch';
import type { PreparedSplit } from '../dataset';
import { emptyCache } from './memoryCache';
import type {
  BadImage,
  FromWorker,
  NumberedSplit,
  PreparationPlan,
  Purpose,
  SplitName,
  ToWorker,
} from './messages';
import { Pass, type PassOptions, PreparedBatch } from './pass';
import { type PresizeOptions, PresizeStore } from './presizeStore';
import { stampCount } from './readImage';
import { Workers } from './workers';

/** Maximum number of images per request to a worker. Small, so that all workers work on the next batch. */
const IMAGES_AT_ONCE = 8;

/** Memory limit for batches prepared ahead, unless two batches take more. */
const AHEAD_BYTES = 256 * 2 ** 20;

/** Number of replaced images that are reported one by one. A log has no room for all images of a lost disk. */
const NOTED_IMAGES = 16;

export interface PipelineOptions {
  readonly tables: {
    readonly train: SplitTable;
    readonly validation: SplitTable;
    readonly test?: SplitTable;
  };
  readonly facts: DatasetFacts;
  readonly images: ImagesRecipe;
  readonly steps: readonly AugmentationStep[];
  readonly seed: number;
  readonly batchSize: number;
  /** Number of threads that prepare images. */
  readonly workers: number;
  /** Memory limit for decoded images. */
  readonly cacheBytes: number;
  /** The store for resized images. Null stores none. */
  readonly store: Pick<PresizeOptions, 'folder' | 'key' | 'freeBytes'> | null;
  /** Called with messages about the images for the user. */
  readonly onNote: (text: string) => void;
  /** The path of the workers' program. Defaults to the bundle's. */
  readonly path?: string | undefined;
}

/**
 * Turns images of any kind and size into batches. Worker threads read, decode, augment and normalize them, and prepare
 * the next batches while training uses the current one. The content of a batch depends only on the recipe and the
 * images. It does not depend on the number of threads, on what is cached in memory or on disk, or on where in an epoch
 * training resumes.
 */
export class ImagePipeline {
  readonly #plan: PreparationPlan;
  readonly #workers: Workers;
  readonly #store: PresizeStore | null;
  /** [slots, batchSize, size, size, channels]. */
  readonly #prepared: Float32Array;
  readonly #freeSlots: number[];
  /** The epoch whose batches are being prepared. */
  #pass: Pass | null = null;
  /** The batch that each pending message belongs to, by message id. */
  readonly #underWay = new Map<number, PreparedBatch>();
  #lastId = 0;
  #lost: UserError | null = null;
  /** The caller that waits for a worker's next answer. */
  #whenAnswered: { resolve(): void; reject(error: Error): void } | null = null;
  #waitedMs = 0;
  /** Replaced images, by number. */
  readonly #replaced = new Set<number>();

  /** Opens the store, if any, and starts the threads. */
  static async open(options: PipelineOptions): Promise<ImagePipeline> {
    const { tables, store, facts, onNote } = options;
    const images = Object.values(tables).reduce((sum, { labels }) => sum + labels.length, 0);
    const opened = store && (await PresizeStore.open({ ...store, images, channels: facts.channels, onNote }));
    return new ImagePipeline(options, images, opened);
  }

  private constructor(
    private readonly options: PipelineOptions,
    images: number,
    store: PresizeStore | null,
  ) {
    const {
      facts,
      images: recipe,
      batchSize,
      cacheBytes,
      path = join(__dirname, 'imageWorker.js'),
    } = options;
    this.#plan = {
      splits: numbered(options.tables),
      facts: { channels: facts.channels, mean: facts.mean, std: facts.std },
      images: recipe,
      steps: options.steps,
      seed: options.seed,
      cache: cacheBytes > 0 ? emptyCache(cacheBytes, images) : null,
      store: store?.shared ?? null,
    };
    this.#store = store;
    const batchValues = batchSize * recipe.size ** 2 * facts.channels;
    const affordable = Math.floor(AHEAD_BYTES / (4 * batchValues));
    const slots = Math.max(2, Math.min(2 * options.workers, affordable));
    this.#prepared = new Float32Array(new SharedArrayBuffer(4 * slots * batchValues));
    this.#freeSlots = Array.from({ length: slots }, (_, slot) => slot);
    const data = { plan: this.#plan, prepared: this.#prepared };
    this.#workers = new Workers(
      path,
      options.workers,
      data,
      (answer) => this.#onAnswer(answer),
      (error) => this.#onLost(error),
    );
  }

  /** Number of unusable images so far that were replaced by others. */
  get replacedImages(): number {
    return this.#replaced.size;
  }

  /** @throws Error if the data set has no such split */
  split(name: SplitName): PreparedSplit {
    const { table } = this.#numbered(name);
    const isSharded = table.kind === 'ranges' && table.files.length > 1;
    return {
      count: table.labels.length,
      label: (index) => table.labels[index]!,
      name: (index) => imageName(table, index),
      batches: (purpose, batchSize) => this.#batches(name, purpose, batchSize),
      drawShardedOrder: isSharded ? (uniform) => shardedOrder(table, uniform) : null,
    };
  }

  /** Stops the threads and saves what they stored. */
  async close(): Promise<void> {
    await this.#workers.close();
    await this.#store?.close();
  }

  #batches(name: SplitName, purpose: Purpose, batchSize: number): BatchSource {
    if (batchSize > this.options.batchSize) {
      throw new RangeError(`Batches of ${batchSize} images, where ${this.options.batchSize} have room`);
    }
    const { labels } = this.#numbered(name).table;
    const whole = labels.length / batchSize;
    const count = purpose === 'training' ? Math.floor(whole) : Math.ceil(whole);
    const { size } = this.options.images;
    // A copy: the engine may keep it and effects may change it while the slot takes the next batch.
    const images = new Float32Array(batchSize * size ** 2 * this.options.facts.channels);
    const batchLabels = new Int32Array(batchSize);
    const pipeline = this;
    return {
      count,
      get waitedMs() {
        return pipeline.#waitedMs;
      },
      fill: async (order, index, epoch) => {
        if (order.length !== labels.length)
          throw new RangeError(`${order.length} of ${labels.length} images`);
        if (!(index >= 0 && index < count)) throw new RangeError(`batch ${index} of ${count}`);
        const pass = await pipeline.#passOf({ split: name, purpose, batchSize, count, order, epoch }, index);
        const prepared = await pipeline.#take(pass, index);
        return pipeline.#filled(prepared, labels, images, batchLabels);
      },
    };
  }

  /** Returns the pass whose next batch is `index`: the current one, or a new one that replaces it. */
  async #passOf(of: PassOptions, index: number): Promise<Pass> {
    const current = this.#pass;
    if (current?.isOf(of) && current.next === index) return current;
    this.#drop(current);
    const pass = new Pass(of, index);
    this.#pass = pass;
    await this.#store?.refresh();
    return pass;
  }

  /** Waits for batch `index` and takes it. */
  async #take(pass: Pass, index: number): Promise<PreparedBatch> {
    const start = performance.now();
    try {
      this.#prepareAhead();
      // Workers may still write to all slots, for a dropped pass.
      while (!pass.batches.has(index)) await this.#nextAnswer();
      const batch = pass.batches.get(index)!;
      await batch.whenPrepared;
      pass.batches.delete(index);
      pass.next = index + 1;
      return batch;
    } finally {
      this.#waitedMs += performance.now() - start;
    }
  }

  #filled(batch: PreparedBatch, labels: Uint32Array, images: Float32Array, batchLabels: Int32Array): Batch {
    const size = batch.images.length;
    const values = images.length / batchLabels.length;
    const start = batch.slot * this.options.batchSize * values;
    images.set(this.#prepared.subarray(start, start + size * values));
    for (const [position, image] of batch.images.entries()) batchLabels[position] = labels[image]!;
    this.#freeSlots.push(batch.slot);
    this.#prepareAhead();
    return { size, images: images.subarray(0, size * values), labels: batchLabels.subarray(0, size) };
  }

  /** Requests batches until all slots are in use. */
  #prepareAhead(): void {
    if (this.#lost) throw this.#lost;
    const pass = this.#pass;
    if (!pass) return;
    for (; pass.begun < pass.of.count && this.#freeSlots.length > 0; pass.begun++) {
      const batch = new PreparedBatch(this.#freeSlots.shift()!, pass.imagesOf(pass.begun));
      pass.batches.set(pass.begun, batch);
      const messages = this.#messagesFor(pass, pass.begun, batch);
      for (const { id } of messages) this.#underWay.set(id, batch);
      batch.expect(messages.length);
      this.#workers.send(messages);
    }
  }

  #messagesFor({ of, repeats }: Pass, index: number, { slot, images }: PreparedBatch): ToWorker[] {
    const { split, purpose, epoch, batchSize } = of;
    const each = Math.min(IMAGES_AT_ONCE, Math.ceil(images.length / this.#workers.count));
    return Array.from({ length: Math.ceil(images.length / each) }, (_, part) => {
      const [start, end] = [part * each, Math.min((part + 1) * each, images.length)];
      const first = index * batchSize;
      return {
        id: ++this.#lastId,
        ...{ split, purpose, epoch },
        images: images.slice(start, end),
        repeats: repeats?.slice(first + start, first + end) ?? null,
        to: slot * this.options.batchSize + start,
      };
    });
  }

  #onAnswer({ id, bad, stored, storeError }: FromWorker): void {
    if (storeError)
      void this.#store?.fail(Object.assign(new Error(storeError.message), { code: storeError.code }));
    this.#store?.add(stored);
    for (const image of bad) this.#note(image);
    const fatal = bad.find(({ replacement }) => replacement === null);
    this.#onPart(id, fatal ? badImageError(fatal) : null);
    this.#whenAnswered?.resolve();
  }

  #nextAnswer(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#whenAnswered = { resolve, reject };
    });
  }

  /** Handles a part of a batch that is finished or canceled. */
  #onPart(id: number, failure: Error | null): void {
    const batch = this.#underWay.get(id);
    this.#underWay.delete(id);
    batch?.onPart(id, failure);
    if (!batch?.isDropped || batch.isUnderWay) return;
    this.#freeSlots.push(batch.slot);
    if (!this.#lost) this.#prepareAhead();
  }

  /** Reports that another image replaces one. Names each of the first few, then only counts them. */
  #note({ split, image, name, reason, replacement }: BadImage): void {
    const number = this.#numbered(split).first + image;
    if (replacement === null || this.#replaced.has(number)) return;
    this.#replaced.add(number);
    const { size } = this.#replaced;
    const text = l10n.t('{0}: {1} Replaced with another image of its class: {2}.', name, reason, replacement);
    if (size <= NOTED_IMAGES) this.options.onNote(text);
    else if (Number.isInteger(Math.log2(size / NOTED_IMAGES)))
      this.options.onNote(`${text} ${l10n.t('{0} images have been replaced so far.', size)}`);
  }

  /** Drops a pass that ends early. Its slots become free after the workers stop writing to them. */
  #drop(pass: Pass | null): void {
    if (!pass) return;
    this.#pass = null;
    const dropped = new Set(pass.batches.values());
    pass.batches.clear();
    for (const batch of dropped) {
      batch.isDropped = true;
      if (!batch.isUnderWay) this.#freeSlots.push(batch.slot);
    }
    const isUnwanted = ({ id }: ToWorker) => this.#underWay.get(id)?.isDropped === true;
    for (const { id } of this.#workers.withdraw(isUnwanted)) this.#onPart(id, null);
  }

  #onLost(error: UserError): void {
    this.#lost = error;
    this.#whenAnswered?.reject(error);
    for (const batch of this.#underWay.values()) batch.fail(error);
    this.#underWay.clear();
  }

  #numbered(name: SplitName): NumberedSplit {
    const split = this.#plan.splits[name];
    if (!split) throw new Error(`There is no split ${name}`);
    return split;
  }
}

/** Numbers the images of all splits consecutively. */
function numbered(tables: PipelineOptions['tables']): PreparationPlan['splits'] {
  let first = 0;
  const splits: Partial<Record<SplitName, NumberedSplit>> = {};
  for (const name of ['train', 'validation', 'test'] as const) {
    const table = tables[name];
    if (!table) continue;
    const stamps = new Float64Array(new SharedArrayBuffer(16 * stampCount(table)));
    splits[name] = { table, first, stamps };
    first += table.labels.length;
  }
  return splits;
}

function badImageError({ name, reason, remedy }: BadImage): UserError {
  return new UserError({
    what: `${name}: ${reason}`,
    remedy: l10n.t(
      '{0} With {1}, another image of its class replaces it.',
      remedy,
      'data.on_bad_image: skip',
    ),
  });
}
