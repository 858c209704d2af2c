import { join } from 'node:path';
import { indexDataset } from '../../../src/datasets/index/scan';
import { factsLookup } from '../../../src/datasets/index/store';
import { parseExperiment } from '../../../src/experiment/parse';
import type { Recipe } from '../../../src/recipe/recipe';

/**
 * Indexes the data of an experiment, with paths relative to `root`, and creates a recipe for it.
 *
 * @throws if it is not an experiment, its tricks do not fit it, or its data needs no index
 */
export async function indexedRecipe(root: string, experiment: object): Promise<Recipe> {
  const parse = () =>
    parseExperiment(
      JSON.stringify(experiment),
      'photos.experiment.json',
      [],
      'train',
      factsLookup(root, root),
    );
  const first = parse();
  if (first.ok || !first.unindexed) throw new Error(`It needs no index: ${JSON.stringify(first)}`);
  await indexDataset(first.unindexed.request, {
    root,
    folder: root,
    cacheFolder: join(root, 'cache'),
    workers: 0,
  });
  const second = parse();
  if (!second.ok) throw new Error(JSON.stringify(second.problems));
  return second.recipe;
}
