import type { SplitTable } from '../../../datasets/table';
import type { AugmentationStep } from '../../../recipe/augmentation';
import type { DatasetFacts } from '../../../recipe/datasets';
import type { ImagesRecipe } from '../../../recipe/recipe';
import type { MemoryCache } from './memoryCache';
import type { StoredPixels } from './presizeIndex';
import type { SharedStore } from './presizeStore';
import type { Stamps } from './readImage';

export type SplitName = 'train' | 'validation' | 'test';

/** The purpose of the prepared images: augmented for training, or as evaluation sees them. */
export type Purpose = 'training' | 'evaluation';

/** A split's images, and the index of its first one among the images of all splits. */
export interface NumberedSplit {
  readonly table: SplitTable;
  readonly first: number;
  readonly stamps: Stamps;
}

/** How to turn images into the network's input, and where to keep them. Threads share all of its arrays. */
export interface PreparationPlan {
  readonly splits: Readonly<Partial<Record<SplitName, NumberedSplit>>>;
  readonly facts: Pick<DatasetFacts, 'channels' | 'mean' | 'std'>;
  readonly images: ImagesRecipe;
  readonly steps: readonly AugmentationStep[];
  readonly seed: number;
  readonly cache: MemoryCache | null;
  readonly store: SharedStore | null;
}

/** The data that a worker starts with. */
export interface WorkerData {
  readonly plan: PreparationPlan;
  /** Destination of the prepared images: [images, height, width, channels]. */
  readonly prepared: Float32Array;
}

/** A request to prepare images. A `FromWorker` answers it. */
export interface ToWorker {
  readonly id: number;
  readonly split: SplitName;
  readonly purpose: Purpose;
  readonly epoch: number;
  /** Indices into the split. */
  readonly images: Uint32Array;
  /** How many times the epoch has drawn each before. Null if never. */
  readonly repeats: Uint32Array | null;
  /** Position of the first one in the destination, in images. */
  readonly to: number;
}

/** An unusable image. */
export interface BadImage {
  readonly split: SplitName;
  readonly image: number;
  /** Its path. */
  readonly name: string;
  readonly reason: string;
  readonly remedy: string;
  /** The path of the image that replaces it. Null if there is none and training ends. */
  readonly replacement: string | null;
}

/** The requested images are prepared, except for a bad one without a replacement. */
export interface FromWorker {
  readonly id: number;
  readonly bad: readonly BadImage[];
  /** The images written to the store of resized images. */
  readonly stored: readonly StoredPixels[];
  /** Why nothing more can be stored. */
  readonly storeError: { readonly message: string; readonly code: string | undefined } | null;
}
