import type { DatasetFacts } from '../../recipe/datasets';
import type { Uniform } from './augment';
import type { BatchSource } from './batch';

/** The images of a split in memory, all of the same size, read one at a time by index. */
export interface ImageSplit {
  readonly count: number;
  /** Returns the class of image `index`, in [0, classes). */
  label(index: number): number;
  /** Writes image `index`, bytes [height, width, channels] in row-major order, to the start of `target`. */
  draw(index: number, target: Uint8Array): void;
  /** Returns a name by which a person can find image `index`, if it has one. */
  name?(index: number): string;
}

/** The images of a split that workers prepare in batches. */
export interface PreparedSplit extends Omit<ImageSplit, 'draw'> {
  /** Returns the batches. For training, images are augmented and the rest after the last full batch is dropped. */
  batches(purpose: 'training' | 'evaluation', batchSize: number): BatchSource;
  /** Draws an order that reads the images file by file, if they are in several large files. Null otherwise. */
  readonly drawShardedOrder: ((uniform: Uniform) => Uint32Array) | null;
}

export type DatasetSplit = ImageSplit | PreparedSplit;

/** An opened data set. */
export interface ImageDataset {
  readonly facts: DatasetFacts;
  readonly train: DatasetSplit;
  readonly validation: DatasetSplit;
}

/** A data set with its images in memory or generated on demand. */
export interface MemoryDataset extends ImageDataset {
  readonly train: ImageSplit;
  readonly validation: ImageSplit;
}

/** Returns a split held in memory: `images` is [count, height, width, channels], `labels` is [count]. */
export function splitInMemory(images: Uint8Array, labels: Uint8Array): ImageSplit {
  const imageBytes = images.length / labels.length;
  return {
    count: labels.length,
    label: (index) => labels[index]!,
    draw: (index, target) => target.set(images.subarray(index * imageBytes, (index + 1) * imageBytes)),
  };
}
