/** Which images are validation, where a data set has no split of its own. Pure. */

import * as l10n from '@vscode/l10n';
import type { SplitOptions } from '../recipe/datasets';
import { UserError } from '../shared/userError';
import { murmur3 } from './murmur3';

/**
 * Whether what has this key is validation: where the hash of seed and key lies under the share. It depends on nothing
 * else, so an image stays on its side when others come or go.
 *
 * @param key an image's path relative to its data set, with slashes, or its group
 */
export function isValidation(
  key: string,
  { validation, seed }: Pick<SplitOptions, 'validation' | 'seed'>,
): boolean {
  // macOS may store a name decomposed: that is no other image.
  return murmur3(key.normalize('NFC'), seed) < validation * 2 ** 32;
}

/** Says of images that a data set calls training images which of them are validation, one after the other. */
export class SplitSides {
  /** By label, how many images or groups were dealt to folds. */
  readonly #dealt = new Map<number, number>();
  /** By group, its fold. */
  readonly #foldOf = new Map<string, number>();
  /** By label, the order in which the folds of the present round are dealt. */
  readonly #rounds = new Map<number, readonly number[]>();

  constructor(private readonly split: Pick<SplitOptions, 'validation' | 'seed' | 'fold'>) {}

  /**
   * Whether an image is validation: by its hash, else where the split is into folds, by the fold that it is dealt. Of each
   * class every round of images goes to all folds, one each, in an order of the seed's; so folds are stratified by class, and
   * each image is validation in one of them. Groups are dealt as wholes, by the class of their first image.
   *
   * @param key as `isValidation` takes it
   * @param isGroup whether the key is a group's, which other images have too
   */
  isValidation(key: string, label: number, isGroup: boolean): boolean {
    const { fold } = this.split;
    if (!fold) return isValidation(key, this.split);
    const known = isGroup ? this.#foldOf.get(key) : undefined;
    const dealt = known ?? this.#deal(label, fold.of);
    if (isGroup) this.#foldOf.set(key, dealt);
    return dealt === fold.index;
  }

  #deal(label: number, of: number): number {
    const rank = this.#dealt.get(label) ?? 0;
    this.#dealt.set(label, rank + 1);
    if (rank % of === 0) this.#rounds.set(label, this.#roundOf(label, rank / of, of));
    return this.#rounds.get(label)?.[rank % of] ?? 0;
  }

  #roundOf(label: number, round: number, of: number): number[] {
    const keyOf = (fold: number) => murmur3(`${label} ${round} ${fold}`, this.split.seed);
    return Array.from({ length: of }, (_, fold) => fold).sort((a, b) => keyOf(a) - keyOf(b) || a - b);
  }
}

/** Says what group an image is of, by its path; null where the pattern does not fit. */
export type Grouping = (path: string) => string | null;

/**
 * Whether `group_by` is a pattern, such as `{patient}_*` or `*` + `/{burst}-*.jpg`, rather than a column.
 */
export function isGroupPattern(groupBy: string): boolean {
  return /[{}*/]/.test(groupBy);
}

/**
 * Reads a pattern over paths: `{name}` takes at least one character, as few as it can, `*` takes any number, neither
 * of them a slash; all else stands for itself. A pattern of n parts between slashes is compared with a path's last n.
 * What `{name}` took is the group; where there are several, all of it.
 *
 * @throws UserError where the pattern has no `{name}`, or cannot be read
 */
export function groupPattern(pattern: string): Grouping {
  if (pattern.length > MAX_PATTERN_LENGTH || !/\{[^{}*/]+\}/.test(pattern)) throw badPattern(pattern);
  const items = Array.from(
    pattern.normalize('NFC').matchAll(/\{([^{}*/]*)\}|[*]+|[^*]/gu),
    ([part, name]): PatternItem => {
      if (name !== undefined && name !== '') return 'name';
      if (part === '*') return 'any';
      if (/[{}*]/.test(part)) throw badPattern(pattern);
      return { literal: part };
    },
  );
  const parts = pattern.split('/').length;
  return (path) => {
    const compared = path.normalize('NFC').split('/').slice(-parts).join('/');
    return groupIn(items, Array.from(compared));
  };
}

/** A longer pattern is none that a person writes. */
const MAX_PATTERN_LENGTH = 256;

type PatternItem = 'name' | 'any' | { readonly literal: string };

/**
 * What the names of a pattern took of a path; null where it does not fit. Of several ways in which it fits each name
 * takes the least, from the first on, and `*` the most. Takes a step for each item at each character, whatever the
 * pattern: a regular expression would try all ways to share a path out among several `*`.
 */
function groupIn(items: readonly PatternItem[], path: readonly string[]): string | null {
  const width = path.length + 1;
  // Whether the items from i on fit what is left of the path from j on, at i * width + j.
  const fits = new Uint8Array((items.length + 1) * width);
  fits[items.length * width + path.length] = 1;
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i]!;
    for (let j = path.length; j >= 0; j--) {
      const rest = (i + 1) * width + j;
      const mayTake = j < path.length && path[j] !== '/';
      if (item === 'any') fits[i * width + j] = fits[rest]! | (mayTake ? fits[i * width + j + 1]! : 0);
      else if (item === 'name') {
        fits[i * width + j] = mayTake ? fits[rest + 1]! | fits[i * width + j + 1]! : 0;
      } else fits[i * width + j] = path[j] === item.literal ? fits[rest + 1]! : 0;
    }
  }
  if (fits[0] === 0) return null;
  const taken: string[] = [];
  let at = 0;
  for (const [i, item] of items.entries()) {
    const from = at;
    const restFits = (j: number) => fits[(i + 1) * width + j] === 1;
    if (item === 'name') {
      do at++;
      while (!restFits(at));
      taken.push(path.slice(from, at).join(''));
    } else if (item === 'any') {
      while (at < path.length && path[at] !== '/') at++;
      while (!restFits(at)) at--;
    } else at++;
  }
  return taken.join('/');
}

function badPattern(pattern: string): UserError {
  return new UserError({
    what: l10n.t('The pattern of group_by cannot be used: {0}', pattern),
    remedy: l10n.t(
      'Name what images of one group have in common in their paths, such as {patient} in "{patient}_*".',
    ),
  });
}
