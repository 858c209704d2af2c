import type { Recipe } from '../../recipe/recipe';
import type { TrickName } from '../../tricks/registry';

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

/** Another system's training script. */
export interface System {
  readonly title: string;
  readonly program: string;
  /** What becomes of each trick; tricks that change one thing together share its part. */
  readonly tricks: Readonly<Record<TrickName, Part>>;
  /** What becomes of all that no trick changes. */
  readonly rest: readonly Part[];
}

/** The names of the systems, as a person chooses one. */
export const SYSTEM_NAMES = ['timm', 'torchvision'] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

/** What a system makes of a recipe. An option that several parts give has the values of all. */
export function translate({ tricks, rest }: System, recipe: Recipe): Translation {
  const parts = [...new Set([...rest, ...Object.values(tricks)])];
  const { options, ...notes } = together(...parts.map((part) => part(recipe)));
  const values = new Map<string, string[]>();
  for (const [flag, ...more] of options) values.set(flag, [...(values.get(flag) ?? []), ...more]);
  return { ...notes, options: [...values].map(([flag, all]) => [flag, ...all] as const) };
}

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
