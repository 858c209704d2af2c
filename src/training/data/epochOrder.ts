import type { DataRecipe } from '../../recipe/recipe';
import type { Random } from '../random';
import { balancedOrder } from './balancedOrder';
import { inOrder } from './batches';
import type { ImageSplit, PreparedSplit } from './dataset';

/**
 * Returns the order of an epoch's images, [split.count] indices into the split. It depends only on the state of
 * `random`.
 */
export function epochOrder(
  { shuffle, sampling }: Pick<DataRecipe, 'shuffle' | 'sampling'>,
  split: Pick<ImageSplit, 'count' | 'label'> & Partial<Pick<PreparedSplit, 'drawShardedOrder'>>,
  random: Pick<Random, 'shuffle' | 'uniform'>,
): Uint32Array {
  const order = inOrder(split.count);
  if (sampling === 'balanced') {
    const labels = order.map((image) => split.label(image));
    const classes = labels.reduce((most, label) => Math.max(most, label + 1), 0);
    return balancedOrder(labels, classes, random);
  }
  if (shuffle && split.drawShardedOrder) return split.drawShardedOrder(() => random.uniform());
  if (shuffle) random.shuffle(order);
  return order;
}
