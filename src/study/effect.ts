import type { Manifest } from '../protocol/manifest';
import { type Recipe, recipeKey } from '../recipe/recipe';
import { type PairedMean, pairedMean } from './statistics';

/**
 * What a change of recipe did to accuracy, in points of a percent: the mean over finished runs with and without
 * it that had the same seed and engine. Null where no two such runs are there, or the recipes are not of the same images.
 */
export function measuredEffect(runs: RunIndex, without: Recipe, withIt: Recipe): PairedMean | null {
  if (without.data.dataset.fingerprint !== withIt.data.dataset.fingerprint) return null;
  const base = runs.get(recipeKey(without));
  const changed = runs.get(recipeKey(withIt));
  if (!base || !changed || base === changed) return null;
  const differences = [...changed].flatMap(([pairing, accuracy]) => {
    const other = base.get(pairing);
    return other === undefined ? [] : [100 * (accuracy - other)];
  });
  return differences.length === 0 ? null : pairedMean(differences);
}

/** Accuracies of finished runs: by what they trained, then by their seed and engine. */
export type RunIndex = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Orders finished runs by what they trained; of two runs that are alike the newer one counts. */
export function indexRuns(manifests: readonly Manifest[]): RunIndex {
  const index = new Map<string, Map<string, number>>();
  for (const { recipe, engine, state } of manifests.toSorted((a, b) => a.createdAt - b.createdAt)) {
    if (state.status !== 'done') continue;
    const { validationAccuracy, averagedAccuracy } = state.result;
    const key = recipeKey(recipe);
    const alike = index.get(key) ?? new Map<string, number>();
    index.set(key, alike);
    // Where an average of the weights was kept, that is what one would use.
    alike.set(`${recipe.seed} ${engine?.name}`, averagedAccuracy ?? validationAccuracy);
  }
  return index;
}
