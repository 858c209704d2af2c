import { COMMAND_RECIPE_VERSION, type CommandRecipe } from './commandRecipe';
import { RECIPE_VERSION, type Recipe, recipeKey } from './recipe';

/** The recipe of a run: of our own trainer, or of a command trainer. */
export type AnyRecipe = Recipe | CommandRecipe;

export function isCommandRecipe(recipe: AnyRecipe): recipe is CommandRecipe {
  return 'kind' in recipe && recipe.kind === 'command';
}

/** Returns the recipe with a network of ours, null if it is of a command trainer. */
export function networkRecipe(recipe: AnyRecipe): Recipe | null {
  return isCommandRecipe(recipe) ? null : recipe;
}

/** The facts that runs are displayed with. Null if unknown, as they may be for a command trainer. */
export interface RecipeFacts {
  readonly model: string | null;
  readonly dataset: string | null;
  readonly epochs: number | null;
  readonly stepsPerEpoch: number | null;
  readonly totalSteps: number | null;
  readonly trainImages: number | null;
  readonly validationImages: number | null;
  readonly classes: number | null;
}

export function recipeFacts(recipe: AnyRecipe): RecipeFacts {
  if (isCommandRecipe(recipe)) {
    const { model, dataset, epochs } = recipe;
    return {
      ...{ model, dataset, epochs, stepsPerEpoch: null, totalSteps: null },
      ...{ trainImages: null, validationImages: null, classes: null },
    };
  }
  const { name, trainImages, validationImages, classes } = recipe.data.dataset;
  const { stepsPerEpoch, totalSteps } = recipe.schedule;
  return {
    ...{ model: recipe.model.name, dataset: name, epochs: recipe.epochs, stepsPerEpoch, totalSteps },
    ...{ trainImages, validationImages, classes },
  };
}

/** Returns a text that is equal for recipes that train the same, apart from names and the seed. */
export function anyRecipeKey(recipe: AnyRecipe): string {
  if (!isCommandRecipe(recipe)) return recipeKey(recipe);
  const { system, command, workingDirectory, environment, metrics } = recipe;
  return JSON.stringify(['command', system, command, workingDirectory, environment, metrics]);
}

/** The version of a recipe that this release trains. */
export function trainedVersion(recipe: object): number {
  return 'kind' in recipe && recipe.kind === 'command' ? COMMAND_RECIPE_VERSION : RECIPE_VERSION;
}
