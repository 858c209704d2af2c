/** Decides which images are validation images if a data set has no split of its own. Pure. */

import * as l10n from '@vscode/l10n';
import type { SplitOptions } from '../recipe/datasets';
import { UserError } from '../shared/userError';
import { murmur3 } from './murmur3';

/**
 * Whether a key belongs to validation: if the hash of seed and key is below the validation fraction. Depends on nothing
 * else, so an image stays on its side when others are added or removed.
 *
 * @param key an image's path relative to its data set, with slashes, or its group
 */
export function isValidation(
  key: string,
  { validation, seed }: Pick<SplitOptions, 'validation' | 'seed'>,
): boolean {
  // macOS may store a name decomposed. It is still the same image.
  return murmur3(key.normalize('NFC'), seed) < validation * 2 ** 32;
}

/** Decides which of a data set's training images are validation images, one at a time. */
export class SplitSides {
  /** By label, the number of images or groups dealt to folds so far. */
  readonly #dealt = new Map<number, number>();
  /** The fold of each group. */
  readonly #foldOf = new Map<string, number>();
  /** By label, the order in which the current round is dealt to the folds. */
  readonly #rounds = new Map<number, readonly number[]>();

  constructor(private readonly split: Pick<SplitOptions, 'validation' | 'seed' | 'fold'>) {}

  /**
   * Whether an image belongs to validation. Decides by its hash or, if the split uses folds, by its fold. In each
   * class, every round of images is dealt to all folds, one image each, in an order drawn from the seed. So folds are
   * stratified by class, and each image is a validation image in exactly one of them. A group is dealt as a whole, by
   * the class of its first image.
   *
   * @param key as for `isValidation`
   * @param isGroup whether the key is a group, which other images may share
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

/** Returns the group of an image from its path; null if the pattern does not match. */
export type Grouping = (path: string) => string | null;

/** Whether `group_by` is a pattern, such as `{patient}_*` or `*` + `/{burst}-*.jpg`, and not a column. */
export function isGroupPattern(groupBy: string): boolean {
  return /[{}*/]/.test(groupBy);
}

/**
 * Parses a pattern over paths. `{name}` matches one or more characters, as few as possible. `*` matches any number of
 * characters. Neither matches a slash. Everything else is literal. A pattern of n segments is matched against a path's
 * last n segments. The group is the text that `{name}` matched; with several names, all of their matches together.
 *
 * @throws UserError if the pattern has no `{name}` or is invalid
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

/** Nobody writes a longer pattern by hand. */
const MAX_PATTERN_LENGTH = 256;

type PatternItem = 'name' | 'any' | { readonly literal: string };

/**
 * Returns what the names in a pattern match in a path; null if it does not match. If several matches are possible, each
 * name takes as little as possible, from the first on, and `*` takes as much as possible. Takes one step per item and
 * character, whatever the pattern. A regular expression would try every way to divide a path among several `*`.
 */
function groupIn(items: readonly PatternItem[], path: readonly string[]): string | null {
  const width = path.length + 1;
  // At i * width + j: whether the items from i on match the rest of the path from j on.
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
    what: l10n.t('The group_by pattern is invalid: {0}', pattern),
    remedy: l10n.t(
      'Use a name in braces for the part of the path that images of one group share, such as {patient} in "{patient}_*".',
    ),
  });
}
