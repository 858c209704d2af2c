import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { SplitTable } from '../../../../src/datasets/table';
import type { AugmentationStep } from '../../../../src/recipe/augmentation';
import type { DatasetFacts } from '../../../../src/recipe/datasets';
import type { ImagesRecipe } from '../../../../src/recipe/recipe';
import type { BatchSource } from '../../../../src/training/data/batch';
import { ImagePipeline, type PipelineOptions } from '../../../../src/training/data/pipeline/imagePipeline';
import { copyImageWorker } from '../../trainer/trainerProcess';

export const CROP: readonly AugmentationStep[] = [
  { step: 'random_resized_crop', area: [0.3, 1], aspect: [3 / 4, 4 / 3] },
  { step: 'flip', probability: 0.5 },
];

export const IMAGES: ImagesRecipe = {
  size: 24,
  interpolation: 'bilinear',
  cropPct: 0.875,
  presize: null,
  onBadImage: 'fail',
};

export const FACTS: DatasetFacts = {
  name: 'image_folder',
  trainImages: 0,
  validationImages: 0,
  height: 24,
  width: 24,
  channels: 3,
  classes: 2,
  classNames: ['c0', 'c1'],
  mean: [0.5, 0.4, 0.3],
  std: [0.2, 0.3, 0.4],
};

/** Helpers for the tests of a file that opens pipelines. */
export interface PipelineTests {
  /** A separate folder per test. */
  readonly folder: string;
  /** The notes from a test's pipelines. */
  readonly notes: readonly string[];
  /** Opens a pipeline that uses one table for both training and validation images. It ends with the test. */
  open(table: SplitTable, options?: Partial<PipelineOptions>): Promise<ImagePipeline>;
}

export function pipelineTests(): PipelineTests {
  let path = '';
  let folder = '';
  const notes: string[] = [];
  const opened: ImagePipeline[] = [];
  beforeAll(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'image-worker-')), 'imageWorker.js');
    await copyImageWorker(path);
  });
  afterAll(async () => {
    await rm(dirname(path), { recursive: true });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pictures-'));
  });
  afterEach(async () => {
    for (const pipeline of opened.splice(0)) await pipeline.close();
    notes.length = 0;
    await rm(folder, { recursive: true });
  });
  return {
    get folder() {
      return folder;
    },
    notes,
    async open(table, options) {
      const pipeline = await ImagePipeline.open({
        tables: { train: table, validation: table },
        ...{ facts: FACTS, images: IMAGES, steps: CROP, seed: 0, batchSize: 4, workers: 1, cacheBytes: 0 },
        ...{ store: null, onNote: (text: string) => notes.push(text), path },
        ...options,
      });
      opened.push(pipeline);
      return pipeline;
    },
  };
}

/** A batch that stays valid after the next one. */
export interface KeptBatch {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** Returns the batches of an epoch, starting at some batch. */
export async function epochOf(
  source: BatchSource,
  order: Uint32Array,
  epoch = 0,
  from = 0,
): Promise<readonly KeptBatch[]> {
  const batches: KeptBatch[] = [];
  for (let index = from; index < source.count; index++) {
    const { images, labels } = await source.fill(order, index, epoch);
    batches.push({ images: images.slice(), labels: labels.slice() });
  }
  return batches;
}

/** Returns an epoch's images concatenated, starting at some batch. */
export async function imagesOf(
  pipeline: ImagePipeline,
  { count = pipeline.split('train').count, epoch = 0, order = ascending(count) } = {},
): Promise<Buffer> {
  const batches = await epochOf(pipeline.split('train').batches('training', 4), order, epoch);
  return Buffer.concat(batches.map(({ images }) => Buffer.from(images.buffer)));
}

export function ascending(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => index);
}
