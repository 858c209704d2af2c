import { type AnyRecipe, networkRecipe } from '../../src/recipe/anyRecipe';
import type { Recipe } from '../../src/recipe/recipe';

/** Returns a recipe that our own trainer trains. */
export function ours(recipe: AnyRecipe): Recipe {
  const own = networkRecipe(recipe);
  if (!own) throw new Error('A command trains this.');
  return own;
}
