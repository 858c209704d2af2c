/**
 * Consent to read data outside the folder that holds the runs. An experiment file from elsewhere could name any of the
 * user's folders, so each one is read only after the user has allowed it. Allowed folders are stored per user.
 */
import { dirname, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { assertNever } from '../shared/assertNever';
import { UserError } from '../shared/userError';
import { isInAny, quoted, readAllowedFolders } from '../system/allowedFolders';
import { realPathOf } from '../system/insideFolder';
import { tableFolders } from './index/tableFolders';
import type { ListedDataset } from './listing';
import { dataCacheFolder, requestPaths } from './requestPaths';
import type { SplitTable } from './table';

/**
 * Returns the paths of a data set that still need consent, as absolute paths with links resolved.
 *
 * @param root the folder that contains .bag-of-tricks; its contents need no consent
 * @param folder the base of the request's relative paths
 */
export async function pathsToAllow(
  request: OwnDatasetRequest,
  { root, folder }: { readonly root: string; readonly folder: string },
): Promise<string[]> {
  const allowed = [await realPathOf(root), ...(await readAllowedFolders())];
  const needed: string[] = [];
  for (const path of consentPaths(request, folder)) {
    const real = await realPathOf(path);
    if (!(await isInAny(real, allowed)) && !needed.includes(real)) needed.push(real);
  }
  return needed;
}

/**
 * Returns the paths that a request needs consent for. For a table of image files, that is the folder that the images
 * are under.
 */
function consentPaths(request: OwnDatasetRequest, folder: string): string[] {
  const paths = requestPaths(request, folder);
  return request.dataset === 'csv' ? paths.map((path) => dirname(path)) : paths;
}

/** Returns the error for data that needs consent. It says how to give consent. */
export function consentError(paths: readonly string[], root: string): UserError {
  return new UserError({
    what: l10n.t('The data is outside {0}: {1}.', root, paths.join(', ')),
    remedy: l10n.t('Allow the folder: {0}', paths.map((path) => `tricks allow ${quoted(path)}`).join('; ')),
  });
}

/**
 * Asserts that every part of a data set may be read.
 *
 * @throws UserError if any part needs consent
 */
export async function assertAllowed(
  request: OwnDatasetRequest,
  places: { readonly root: string; readonly folder: string },
): Promise<void> {
  const needed = await pathsToAllow(request, places);
  if (needed.length > 0) throw consentError(needed, places.root);
}

/**
 * Asserts that the listed files may be read. A table, a pattern or a link may point outside the allowed folder.
 *
 * @throws UserError if any file needs consent
 */
export async function assertListedAllowed(
  { train, validation, test }: ListedDataset,
  root: string,
): Promise<void> {
  const paths = new Set<string>();
  for (const table of [train, validation, test])
    for (const path of table ? placesOf(table) : []) paths.add(path);
  // The product itself unpacked or downloaded the files in the cache.
  const allowed = [
    await realPathOf(root),
    await realPathOf(dataCacheFolder()),
    ...(await readAllowedFolders()),
  ];
  const needed: string[] = [];
  for (const path of paths) if (!(await isInAny(path, allowed))) needed.push(await realPathOf(path));
  if (needed.length > 0) throw consentError(needed.slice(0, NAMED_PATHS), root);
}

/** The maximum number of paths that an error names. */
const NAMED_PATHS = 3;

/** Yields the files of a table's images, or the folders that contain them. */
function* placesOf(table: SplitTable): Generator<string> {
  switch (table.kind) {
    case 'files':
      for (const folder of tableFolders(table)) yield resolve(table.root, folder);
      return;
    case 'ranges':
      yield* table.files;
      return;
    case 'pixels':
      return;
    default:
      assertNever(table);
  }
}
