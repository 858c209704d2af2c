import { type Recipe, recipeKey } from '../recipe/recipe';
import type { ReadableEntry, RunEntry } from '../runs/store';
import { isPlaceOf } from './probes/scheduling';
import type { Scheduling } from './record';

/**
 * A run that was trained to its end and is what a study would train: of the same recipe, images and fold included, of the same
 * seed, engine, precision and number of threads. The latest, where there are several.
 *
 * @param entries newest first
 * @param taken ids of runs that stand for something else already
 */
export function existingRun(
  entries: readonly RunEntry[],
  recipe: Recipe,
  scheduling: Scheduling,
  taken: ReadonlySet<string | null>,
): ReadableEntry | null {
  const key = recipeKey(recipe);
  for (const entry of entries) {
    if (entry.kind !== 'run' || taken.has(entry.id)) continue;
    const { manifest } = entry;
    const { state } = manifest;
    const isOver =
      state.status === 'done' || (state.status === 'failed' && state.failure.kind === 'diverged');
    if (!isOver || manifest.recipe.seed !== recipe.seed) continue;
    if (isPlaceOf(manifest, scheduling) && recipeKey(manifest.recipe) === key) return entry;
  }
  return null;
}
