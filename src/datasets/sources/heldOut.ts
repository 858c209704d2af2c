import * as l10n from '@vscode/l10n';
import type { SplitOptions } from '../../recipe/datasets';
import { UserError } from '../../shared/userError';
import { groupPattern, isGroupPattern, isValidation } from '../split';

/**
 * Whether the training image of a path is split off for validation, by the path's group or else by the path without its
 * extension.
 *
 * @throws UserError where `group_by` is no pattern, or one that cannot be read
 */
export function heldOutByPath(split: SplitOptions): (path: string) => boolean {
  const { group_by } = split;
  if (group_by === undefined) return (path) => isValidation(withoutExtension(path), split);
  if (!isGroupPattern(group_by)) {
    throw new UserError({
      what: l10n.t('data.split.group_by is {0}, and these images have no columns.', group_by),
      remedy: l10n.t('Write a pattern over their paths, such as {0}.', '{patient}_*'),
    });
  }
  const groupOf = groupPattern(group_by);
  return (path) => isValidation(groupOf(path) ?? withoutExtension(path), split);
}

/**
 * Whether the training image of a number is split off for validation.
 *
 * @throws UserError where `group_by` asks for what such images do not have
 */
export function heldOutByNumber(split: SplitOptions): (index: number) => boolean {
  if (split.group_by !== undefined) {
    throw new UserError({
      what: l10n.t('data.split.group_by needs paths or columns, and these images have numbers alone.'),
      remedy: l10n.t('Remove data.split.group_by, or store the images in files.'),
    });
  }
  return (index) => isValidation(`#${index}`, split);
}

/** Up to the first dot of the name. */
function withoutExtension(path: string): string {
  return path.replace(/(?<=[^/])\.[^/]*$/, '');
}
