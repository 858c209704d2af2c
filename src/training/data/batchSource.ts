import type { DatasetFacts } from '../../recipe/datasets';
import type { DataRecipe } from '../../recipe/recipe';
import type { Uniform } from './augment';
import type { BatchSource } from './batch';
import { Batches } from './batches';
import type { DatasetSplit } from './dataset';

/**
 * Returns the training batches: augmented images, without the rest after the last full batch.
 *
 * @param uniform the random source of augmentation for images in memory; workers have one per image
 */
export function trainingBatches(
  split: DatasetSplit,
  facts: DatasetFacts,
  { batchSize, augment }: Pick<DataRecipe, 'batchSize' | 'augment'>,
  uniform: Uniform,
): BatchSource {
  if ('batches' in split) return split.batches('training', batchSize);
  if (typeof augment !== 'string') throw new Error('Images in memory are placed, not augmented by steps');
  return inMemory(new Batches(split, facts, { batchSize, augment, rest: 'drop' }), uniform);
}

/** Returns the evaluation batches: no randomness, and every image once. The last batch may be smaller. */
export function evaluationBatches(split: DatasetSplit, facts: DatasetFacts, batchSize: number): BatchSource {
  if ('batches' in split) return split.batches('evaluation', batchSize);
  return inMemory(new Batches(split, facts, { batchSize, augment: 'none', rest: 'keep' }), refuse);
}

function inMemory(batches: Batches, uniform: Uniform): BatchSource {
  return {
    count: batches.count,
    waitedMs: 0,
    fill: async (order, index) => batches.fill(order, index, uniform),
  };
}

function refuse(): number {
  throw new Error('Validation images are not augmented');
}
