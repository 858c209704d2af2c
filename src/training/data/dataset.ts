import type { DatasetFacts } from '../../recipe/datasets';
import type { Uniform } from './augment';
import type { BatchSource } from './batch';

/** The images of a split in memory, of one size, drawn one at a time by index. */
export interface ImageSplit {
  readonly count: number;
  /** The class of image `index`, in [0, classes). */
  label(index: number): number;
  /** Writes image `index`, bytes [height, width, channels] in row-major order, to the start of `target`. */
  draw(index: number, target: Uint8Array): void;
  /** What a person finds image `index` by, where it has a name. */
  name?(index: number): string;
}

/** The images of a split that workers prepare, a batch at a time. */
export interface PreparedSplit extends Omit<ImageSplit, 'draw'> {
  /** For training, images are augmented and the rest after the last whole batch is dropped. */
  batches(purpose: 'training' | 'evaluation', batchSize: number): BatchSource;
  /** Draws an order by which images that lie in several large files are read file by file; null where they do not. */
  readonly drawShardedOrder: ((uniform: Uniform) => Uint32Array) | null;
}

export type DatasetSplit = ImageSplit | PreparedSplit;

/** An opened data set. */
export interface ImageDataset {
  readonly facts: DatasetFacts;
  readonly train: DatasetSplit;
  readonly validation: DatasetSplit;
}

/** A data set whose images are in memory, or drawn on demand. */
export interface MemoryDataset extends ImageDataset {
  readonly train: ImageSplit;
  readonly validation: ImageSplit;
}

/** A split held in memory: `images` is [count, height, width, channels], `labels` is [count]. */
export function splitInMemory(images: Uint8Array, labels: Uint8Array): ImageSplit {
  const imageBytes = images.length / labels.length;
  return {
    count: labels.length,
    label: (index) => labels[index]!,
    draw: (index, target) => target.set(images.subarray(index * imageBytes, (index + 1) * imageBytes)),
  };
}
