import type { StudyFactor, StudySetting } from '../protocol/study';
import type { Recipe } from '../recipe/recipe';

/** The experiments of a study: one for each combination of levels, seed and fold. */
export interface StudyExperiments {
  readonly factors: readonly StudyFactor[];
  readonly isAllowed: (setting: StudySetting) => boolean;
  /**
   * The experiment of a combination, as text and as what it trains.
   *
   * @param block which decides the fold, where blocks have their own
   * @throws UserError where it is none
   */
  readonly experimentAt: (
    setting: StudySetting,
    seed: number,
    block: number,
  ) => { readonly text: string; readonly recipe: Recipe };
}
