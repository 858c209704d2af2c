import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { decodeImage } from '../../../datasets/decode';
import { ImageError } from '../../../datasets/imageError';
import { imageName, partPlace, type SplitTable } from '../../../datasets/table';
import { assertNever } from '../../../shared/assertNever';
import type { PixelImage } from '../../../shared/pixelImage';
import { augmentImage } from '../../augmentation/augmentImage';
import { evaluationView } from '../../augmentation/evaluationView';
import { resize, wholeOf } from '../../augmentation/resize';
import { reasonOf } from '../errors';
import { normalizationTable, normalize } from '../normalization';
import { type Drawing, imageRandom } from './imageRandom';
import { cached, keep } from './memoryCache';
import type { BadImage, NumberedSplit, PreparationPlan, Purpose, SplitName } from './messages';
import type { StoredPixels } from './presizeIndex';
import { ChangedFileError, readImage } from './readImage';
import { StoreFile } from './storedPixels';

/** A request for one image of an epoch. */
export interface Request extends Drawing {
  readonly split: SplitName;
  readonly purpose: Purpose;
}

/** Callbacks for side effects. */
export interface Events {
  onStored(stored: StoredPixels): void;
  onStoreError(error: unknown): void;
  onBad(bad: BadImage): void;
}

/** Why an image is unusable, and how the user can fix it. */
interface Reason {
  readonly reason: string;
  readonly remedy: string;
}

/** Reads, decodes, augments and normalizes images in one thread. */
export class ImagePreparer {
  readonly #table: Float32Array;
  readonly #file: StoreFile | null;

  constructor(private readonly plan: PreparationPlan) {
    this.#table = normalizationTable(plan.facts);
    this.#file = plan.store && new StoreFile(plan.store);
  }

  /**
   * Writes a prepared image, [size, size, channels], to `target`, starting at `offset`. If the image is unusable and
   * the recipe allows it, writes another one instead.
   *
   * @throws errors that are not the fault of an image
   */
  async prepare(request: Request, target: Float32Array, offset: number, events: Events): Promise<void> {
    const pixels = await this.#pixelsOrReplacement(request, events);
    if (pixels) normalize(this.#view(pixels, request).pixels, this.#table, target, offset);
  }

  close(): void {
    this.#file?.close();
  }

  #view(pixels: PixelImage, { purpose, ...drawing }: Request): PixelImage {
    const { images, steps, seed } = this.plan;
    if (purpose === 'evaluation') return evaluationView(pixels, images);
    const random = imageRandom(seed, drawing);
    return augmentImage(pixels, steps, images, () => random.uniform());
  }

  async #pixelsOrReplacement({ split: name, image }: Request, events: Events): Promise<PixelImage | null> {
    const split = this.#split(name);
    const { table } = split;
    const pixels = await this.#pixels(split, image, events);
    if ('pixels' in pixels) return pixels;
    const bad = { split: name, image, name: whereIn(table, image), ...pixels };
    if (this.plan.images.onBadImage === 'skip') {
      for (const candidate of othersOfClass(table, image)) {
        const replacement = await this.#pixels(split, candidate, events);
        if (!('pixels' in replacement)) continue;
        events.onBad({ ...bad, replacement: whereIn(table, candidate) });
        return replacement;
      }
    }
    events.onBad({ ...bad, replacement: null });
    return null;
  }

  #split(name: SplitName): NumberedSplit {
    const split = this.plan.splits[name];
    if (!split) throw new Error(`There is no split ${name}`);
    return split;
  }

  /** Returns an image's pixels before augmentation: decoded, and resized if the recipe resizes images once. */
  async #pixels(
    { table, first, stamps }: NumberedSplit,
    image: number,
    events: Events,
  ): Promise<PixelImage | Reason> {
    const { facts, images, cache, store } = this.plan;
    const number = first + image;
    const known =
      (cache && cached(cache, number, facts.channels)) ??
      (table.kind === 'pixels' ? null : this.#file?.read(number));
    if (known) return known;
    try {
      const decoded = await decodeImage(readImage(table, image, stamps), facts.channels === 1 ? 1 : 3);
      const pixels =
        images.presize === null ? decoded : presized(decoded, images.presize, images.interpolation);
      if (table.kind !== 'pixels') {
        if (cache) keep(cache, number, pixels);
        if (store) this.#store(number, pixels, events);
      }
      return pixels;
    } catch (error) {
      return reasonIn(error);
    }
  }

  #store(number: number, pixels: PixelImage, events: Events): void {
    try {
      const stored = this.#file?.write(number, pixels);
      if (stored) events.onStored(stored);
    } catch (error) {
      events.onStoreError(error);
    }
  }
}

/** Resizes an image if its short edge is longer than `shortEdge` pixels. Returns other images unchanged. */
export function presized(
  image: PixelImage,
  shortEdge: number,
  interpolation: PreparationPlan['images']['interpolation'],
): PixelImage {
  const { height, width } = image;
  if (Math.min(height, width) <= shortEdge) return image;
  const longEdge = Math.trunc((shortEdge * Math.max(height, width)) / Math.min(height, width));
  const size =
    width <= height ? { height: longEdge, width: shortEdge } : { height: shortEdge, width: longEdge };
  return resize(image, wholeOf(image), size, interpolation);
}

/** Yields the other images of an image's class: first those after it, then those before it. */
function* othersOfClass({ labels }: SplitTable, image: number): Generator<number> {
  for (let step = 1; step < labels.length; step++) {
    const other = (image + step) % labels.length;
    if (labels[other] === labels[image]) yield other;
  }
}

/** @throws errors that are not the fault of an image */
function reasonIn(error: unknown): Reason {
  if (error instanceof ImageError) return { reason: error.reason, remedy: error.remedy };
  const remedy = l10n.t('Restore the image, or index the data again.');
  if (error instanceof ChangedFileError) {
    return { reason: l10n.t('The file changed since training first read it.'), remedy };
  }
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case undefined:
      throw error;
    case 'ENOENT':
    case 'ENOTDIR':
      return { reason: l10n.t('The file no longer exists.'), remedy };
    default:
      return { reason: l10n.t('The file cannot be read: {0}.', reasonOf(error)), remedy };
  }
}

/** Returns an image's location for the user. */
function whereIn(table: SplitTable, image: number): string {
  const name = imageName(table, image);
  switch (table.kind) {
    case 'files':
      return join(table.root, name);
    case 'ranges':
      return partPlace(table, image);
    case 'pixels':
      return name;
    default:
      return assertNever(table);
  }
}
