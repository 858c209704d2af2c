import { isOwnDataset } from '../../recipe/datasets';
import type { ReadableEntry } from '../../runs/store';
import { countLook } from '../commands/test';
import { startPredictor } from '../predicting';

/** Evaluates runs of the store of `root` on their test images, and counts each look at these. */
export function testerIn(root: string) {
  return async (run: ReadableEntry, weights: 'last' | 'averaged'): Promise<number> => {
    const { predictor } = await startPredictor(run, { checkpoint: 'last', average: weights === 'averaged' });
    try {
      const { accuracy } = await predictor.test(() => {});
      const { source } = run.manifest.recipe.data;
      // Before anybody has seen the result.
      if (isOwnDataset(source)) await countLook(root, run, source);
      return 100 * accuracy;
    } finally {
      predictor.close();
    }
  };
}
