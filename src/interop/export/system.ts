import * as l10n from '@vscode/l10n';
import type { Recipe } from '../../recipe/recipe';
import { NO_EQUIVALENT } from '../../tricks/elsewhere/systems';
import { lacks, type Part, type Translation, together, when } from '../../tricks/elsewhere/translation';
import { ALL_TRICKS, type TrickName } from '../../tricks/registry';
import type { Trick } from '../../tricks/trick';

/** Another system's training script. */
export interface System {
  readonly title: string;
  readonly program: string;
  /** Selects the translation in the tricks' `systems`. */
  readonly name: SystemName;
  /** Translations of everything that no trick changes. */
  readonly rest: readonly Part[];
}

/** The names that a person chooses from. */
export const SYSTEM_NAMES = ['timm', 'torchvision'] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

/** Translates a recipe for a system. An option from several parts gets the values of all of them. */
export function translate({ name, rest }: System, recipe: Recipe): Translation {
  // Tricks that change the same thing share one part.
  const parts = [...new Set([...rest, ...ALL_TRICKS.map((trick) => partOf(trick, name))])];
  const { options, ...notes } = together(...parts.map((part) => part(recipe)));
  const values = new Map<string, string[]>();
  for (const [flag, ...more] of options) values.set(flag, [...(values.get(flag) ?? []), ...more]);
  return { ...notes, options: [...values].map(([flag, all]) => [flag, ...all] as const) };
}

/** Returns the translation of a trick for a system. */
function partOf({ name, systems }: Trick<TrickName>, system: SystemName): Part {
  const { command } = systems[system];
  if (command !== NO_EQUIVALENT) return command;
  return ({ tricks }) => when(tricks.includes(name), lacks(l10n.t('the trick {0}', name)));
}
