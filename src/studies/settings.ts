import type { StudyFactor, StudySetting } from '../protocol/study';
import type { AnyRecipe } from '../recipe/anyRecipe';

/** The experiments of a study: one per combination of levels, seed and fold. */
export interface StudyExperiments {
  readonly factors: readonly StudyFactor[];
  readonly isAllowed: (setting: StudySetting) => boolean;
  /**
   * Returns the experiment of a combination, as text and as a recipe.
   *
   * @param block determines the fold, if blocks are folds
   * @throws UserError if the combination is not valid
   */
  readonly experimentAt: (
    setting: StudySetting,
    seed: number,
    block: number,
  ) => { readonly text: string; readonly recipe: AnyRecipe };
}
