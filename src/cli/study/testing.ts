import { isOwnDataset } from '../../recipe/datasets';
import { networkRun } from '../../runs/networkRun';
import type { ReadableEntry } from '../../runs/store';
import { countLook } from '../commands/test';
import { startPredictor } from '../predicting';

/** Evaluates runs of the store at `root` on their test images, and counts each look at them. */
export function testerIn(root: string) {
  return async (run: ReadableEntry, weights: 'last' | 'averaged'): Promise<number> => {
    const { predictor } = await startPredictor(run, { checkpoint: 'last', average: weights === 'averaged' });
    try {
      const { accuracy } = await predictor.test(() => {});
      const { source } = networkRun(run).manifest.recipe.data;
      // Count the look before anyone sees the result.
      if (isOwnDataset(source)) await countLook(root, run, source);
      return 100 * accuracy;
    } finally {
      predictor.close();
    }
  };
}
