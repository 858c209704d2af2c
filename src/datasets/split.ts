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
  if (!/\{[^{}*/]+\}/.test(pattern)) throw badPattern(pattern);
  const source = pattern.normalize('NFC').replace(/\{([^{}*/]*)\}|[*]+|[^{*]+|\{/g, (part, name?: string) => {
    if (name !== undefined && name !== '') return '([^/]+?)';
    if (part.startsWith('*') && part.length === 1) return '[^/]*';
    if (/[{}*]/.test(part)) throw badPattern(pattern);
    return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
  const expression = new RegExp(`(?:^|/)${source}$`, 'u');
  return (path) => {
    const match = expression.exec(path.normalize('NFC'));
    return match ? match.slice(1).join('/') : null;
  };
}

function badPattern(pattern: string): UserError {
  return new UserError({
    what: l10n.t('The pattern of group_by cannot be used: {0}', pattern),
    remedy: l10n.t(
      'Name what images of one group have in common in their paths, such as {patient} in "{patient}_*".',
    ),
  });
}
