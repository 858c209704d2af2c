/**
 * Consent to read data outside the folder that holds the runs. An experiment file that comes from elsewhere could name
 * any folder of a person's; so each is read only once its person has allowed it. What is allowed is kept per user.
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
 * The paths of a data set that still need consent, as absolute paths with their links followed.
 *
 * @param root the folder that has .bag-of-tricks; what is in it needs none
 * @param folder what the request's relative paths start from
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

/** The paths of a request that consent is asked for: of a table of image files the folder that they are below. */
function consentPaths(request: OwnDatasetRequest, folder: string): string[] {
  const paths = requestPaths(request, folder);
  return request.dataset === 'csv' ? paths.map((path) => dirname(path)) : paths;
}

/** Refuses data that needs consent, with how to give it. */
export function consentError(paths: readonly string[], root: string): UserError {
  return new UserError({
    what: l10n.t('The data lies outside {0}: {1}.', root, paths.join(', ')),
    remedy: l10n.t('Allow the folder: {0}', paths.map((path) => `tricks allow ${quoted(path)}`).join('; ')),
  });
}

/**
 * Makes sure that all of a data set may be read.
 *
 * @throws UserError where some of it needs consent
 */
export async function assertAllowed(
  request: OwnDatasetRequest,
  places: { readonly root: string; readonly folder: string },
): Promise<void> {
  const needed = await pathsToAllow(request, places);
  if (needed.length > 0) throw consentError(needed, places.root);
}

/**
 * Makes sure that what was listed may be read: a table, a pattern or a link may lead out of the folder that was allowed.
 *
 * @throws UserError where some of it needs consent
 */
export async function assertListedAllowed(
  { train, validation, test }: ListedDataset,
  root: string,
): Promise<void> {
  const paths = new Set<string>();
  for (const table of [train, validation, test])
    for (const path of table ? placesOf(table) : []) paths.add(path);
  // What was unpacked or downloaded is of the product's own making.
  const allowed = [
    await realPathOf(root),
    await realPathOf(dataCacheFolder()),
    ...(await readAllowedFolders()),
  ];
  const needed: string[] = [];
  for (const path of paths) if (!(await isInAny(path, allowed))) needed.push(await realPathOf(path));
  if (needed.length > 0) throw consentError(needed.slice(0, NAMED_PATHS), root);
}

/** Paths that a refusal names, of however many. */
const NAMED_PATHS = 3;

/** The files of a table's images, or the folders that they are in. */
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
