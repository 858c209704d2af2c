import type { SplitTable } from '../../../datasets/table';
import type { AugmentationStep } from '../../../recipe/augmentation';
import type { DatasetFacts } from '../../../recipe/datasets';
import type { ImagesRecipe } from '../../../recipe/recipe';
import type { MemoryCache } from './memoryCache';
import type { StoredPixels } from './presizeIndex';
import type { SharedStore } from './presizeStore';
import type { Stamps } from './readImage';

export type SplitName = 'train' | 'validation' | 'test';

/** What images are prepared for: augmented, or as an evaluation sees them. */
export type Purpose = 'training' | 'evaluation';

/** A split's images, and the number of its first among those of all splits. */
export interface NumberedSplit {
  readonly table: SplitTable;
  readonly first: number;
  readonly stamps: Stamps;
}

/** How images become what the network sees, and where they are kept; all of its arrays are shared by threads. */
export interface PreparationPlan {
  readonly splits: Readonly<Partial<Record<SplitName, NumberedSplit>>>;
  readonly facts: Pick<DatasetFacts, 'channels' | 'mean' | 'std'>;
  readonly images: ImagesRecipe;
  readonly steps: readonly AugmentationStep[];
  readonly seed: number;
  readonly cache: MemoryCache | null;
  readonly store: SharedStore | null;
}

/** What a worker is started with. */
export interface WorkerData {
  readonly plan: PreparationPlan;
  /** Where prepared images go, one after the other: [images, height, width, channels]. */
  readonly prepared: Float32Array;
}

/** Images to be prepared; answered by a `FromWorker`. */
export interface ToWorker {
  readonly id: number;
  readonly split: SplitName;
  readonly purpose: Purpose;
  readonly epoch: number;
  /** Indices into the split. */
  readonly images: Uint32Array;
  /** How often the epoch has drawn each before; null for never. */
  readonly repeats: Uint32Array | null;
  /** Where the first of them goes, counted in images. */
  readonly to: number;
}

/** An image that cannot be used. */
export interface BadImage {
  readonly split: SplitName;
  readonly image: number;
  /** Its path. */
  readonly name: string;
  readonly reason: string;
  readonly remedy: string;
  /** The path of the image that takes its place; null where none does, and the training ends. */
  readonly replacement: string | null;
}

/** The images that were asked for are prepared, but for a bad one without a replacement. */
export interface FromWorker {
  readonly id: number;
  readonly bad: readonly BadImage[];
  /** What was written to the store of resized images. */
  readonly stored: readonly StoredPixels[];
  /** Why nothing more can be stored. */
  readonly storeError: { readonly message: string; readonly code: string | undefined } | null;
}
