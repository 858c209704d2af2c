import type { Recipe } from '../../recipe/recipe';

/** What another system makes of a part of a recipe. */
export interface Translation {
  /** Options of its command with their values, such as `['--opt-betas', '0.9', '0.999']`. */
  readonly options: readonly Option[];
  /** What it does otherwise. */
  readonly differences: readonly string[];
  /** What it cannot do at all. */
  readonly missing: readonly string[];
}
export type Option = readonly [flag: string, ...values: string[]];

/** Translates a part of a recipe, whether or not a trick changed it: the system's own default may be another. */
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

/** Notes that the system does something otherwise. */
export function differs(what: string): Translation {
  return { ...nothing, differences: [what] };
}

/** Notes that the system cannot do something. */
export function lacks(what: string): Translation {
  return { ...nothing, missing: [what] };
}

/** The translation where `condition` holds, else nothing. */
export function when(condition: boolean, translation: Translation): Translation {
  return condition ? translation : nothing;
}
