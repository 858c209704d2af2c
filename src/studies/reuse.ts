import { type AnyRecipe, anyRecipeKey } from '../recipe/anyRecipe';
import type { ReadableEntry, RunEntry } from '../runs/store';
import { isPlaceOf } from './probes/scheduling';
import type { Scheduling } from './record';

/**
 * Returns a complete run that matches what a study would train: same recipe (including images and fold), seed, engine,
 * precision and number of threads. Picks the latest if there are several.
 *
 * @param entries newest first
 * @param taken ids of runs that are already in use
 */
export function existingRun(
  entries: readonly RunEntry[],
  recipe: AnyRecipe,
  scheduling: Scheduling,
  taken: ReadonlySet<string | null>,
): ReadableEntry | null {
  const key = anyRecipeKey(recipe);
  for (const entry of entries) {
    if (entry.kind !== 'run' || taken.has(entry.id)) continue;
    const { manifest } = entry;
    const { state } = manifest;
    const isOver =
      state.status === 'done' || (state.status === 'failed' && state.failure.kind === 'diverged');
    if (!isOver || manifest.recipe.seed !== recipe.seed) continue;
    if (isPlaceOf(manifest, scheduling) && anyRecipeKey(manifest.recipe) === key) return entry;
  }
  return null;
}
