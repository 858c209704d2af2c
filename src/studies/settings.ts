import type { StudyFactor, StudySetting } from '../protocol/study';
import type { Recipe } from '../recipe/recipe';

/** The experiments of a study: one for each combination of levels, seed and fold. */
export interface StudyExperiments {
  readonly factors: readonly StudyFactor[];
  readonly isAllowed: (setting: StudySetting) => boolean;
  /**
   * The experiment of a combination, as text and as what it trains.
   *
   * @throws UserError where it is none
   */
  readonly experimentAt: (
    setting: StudySetting,
    seed: number,
    fold?: { readonly index: number; readonly of: number },
  ) => { readonly text: string; readonly recipe: Recipe };
}
