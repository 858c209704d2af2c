/**
 * Consent to keep a store outside its folder. Users link `.bag-of-tricks`, or `runs` in it, to a large disk. But a
 * workspace from elsewhere may have a link to any of the user's folders, and runs would then be written there. So the
 * user is asked once about each target, and the answer is stored with the allowed folders.
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { isAllowed, quoted } from './allowedFolders';
import { isSystemError } from './errors';
import { realPathOf } from './insideFolder';
import { STORE_FOLDER } from './storeName';

/** The parts of a store that may be symbolic links. */
const PARTS = [[], ['runs'], ['datasets'], ['studies'], ['probes'], ['trash']] as const;

/** A symbolic link in place of a store or a part of it, and its target. */
export interface StoreLink {
  readonly path: string;
  /** Its real path. */
  readonly target: string;
}

/** The links of a store that lead outside `root` to a place that the user has not yet allowed. */
export async function storeLinksToAllow(root: string): Promise<StoreLink[]> {
  const needed: StoreLink[] = [];
  for (const part of PARTS) {
    const path = join(root, STORE_FOLDER, ...part);
    if (!(await isLink(path)) || (await isAllowed(path, root))) continue;
    needed.push({ path, target: await realPathOf(path) });
  }
  return needed;
}

/** @throws UserError if a store is or contains a symbolic link that its user has not allowed */
export async function assertStoreAllowed(root: string): Promise<void> {
  const [link] = await storeLinksToAllow(root);
  if (link) throw storeLinkError(link);
}

/** The error that refuses a store without consent. Says how to give it. */
export function storeLinkError({ path, target }: StoreLink): UserError {
  return new UserError({
    what: l10n.t('{0} is a link to {1}, where runs would be written.', path, target),
    remedy: l10n.t(
      'If the folder is yours and this is intended, allow it: {0}',
      `tricks allow ${quoted(target)}`,
    ),
  });
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}
