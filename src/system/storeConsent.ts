/**
 * Consent to keep a store elsewhere than in its folder. People link `.bag-of-tricks`, or `runs` in it, to a large disk; but a
 * workspace that comes from elsewhere may have such a link to any folder of a person's, where runs would then be written.
 * So where one leads is asked about once, and kept among the folders that the user allowed.
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { isAllowed, quoted } from './allowedFolders';
import { isSystemError } from './errors';
import { realPathOf } from './insideFolder';
import { STORE_FOLDER } from './storeName';

/** The parts of a store that may be links. */
const PARTS = [[], ['runs'], ['datasets'], ['studies'], ['probes']] as const;

/** A link in place of a store or of a part of it, and where it leads. */
export interface StoreLink {
  readonly path: string;
  /** Its real path. */
  readonly target: string;
}

/** The links of a store that lead outside of `root` to where its user has not yet allowed. */
export async function storeLinksToAllow(root: string): Promise<StoreLink[]> {
  const needed: StoreLink[] = [];
  for (const part of PARTS) {
    const path = join(root, STORE_FOLDER, ...part);
    if (!(await isLink(path)) || (await isAllowed(path, root))) continue;
    needed.push({ path, target: await realPathOf(path) });
  }
  return needed;
}

/** @throws UserError where a store is a link, or has one, that its user has not allowed */
export async function assertStoreAllowed(root: string): Promise<void> {
  const [link] = await storeLinksToAllow(root);
  if (link) throw storeLinkError(link);
}

/** Refuses a store that needs consent, with how to give it. */
export function storeLinkError({ path, target }: StoreLink): UserError {
  return new UserError({
    what: l10n.t('{0} is a link to {1}, where runs would be written.', path, target),
    remedy: l10n.t('If that is yours and meant so, allow it: {0}', `tricks allow ${quoted(target)}`),
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
