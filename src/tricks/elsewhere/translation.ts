import type { Recipe } from '../../recipe/recipe';

/** The translation of a part of a recipe to another system. */
export interface Translation {
  /** Options of its command with their values, such as `['--opt-betas', '0.9', '0.999']`. */
  readonly options: readonly Option[];
  /** Where its behavior differs. */
  readonly differences: readonly string[];
  /** Features that it lacks. */
  readonly missing: readonly string[];
}
export type Option = readonly [flag: string, ...values: string[]];

/** Translates a part of a recipe, whether or not a trick changed it: the system's own default may differ. */
export type Part = (recipe: Recipe) => Translation;

export function together(...translations: readonly Translation[]): Translation {
  return {
    options: translations.flatMap(({ options }) => options),
    differences: translations.flatMap(({ differences }) => differences),
    missing: translations.flatMap(({ missing }) => missing),
  };
}

export const nothing: Translation = { options: [], differences: [], missing: [] };

export function option(flag: string, ...values: readonly (string | number)[]): Translation {
  return { ...nothing, options: [[flag, ...values.map((value) => `${value}`)]] };
}

/** Notes a difference in the system's behavior. */
export function differs(what: string): Translation {
  return { ...nothing, differences: [what] };
}

/** Notes a feature that the system lacks. */
export function lacks(what: string): Translation {
  return { ...nothing, missing: [what] };
}

/** Returns the translation if `condition` holds, else nothing. */
export function when(condition: boolean, translation: Translation): Translation {
  return condition ? translation : nothing;
}
