/**
 * Consent to read data outside the folder that holds the runs. An experiment file that comes from elsewhere could name
 * any folder of a person's; so each is read only once its person has allowed it. What is allowed is kept per user.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import { z } from 'zod';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { assertNever } from '../shared/assertNever';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { isInside, realPathOf } from '../system/insideFolder';
import { replaceFile } from '../system/replaceFile';
import { tableFolders } from './index/tableFolders';
import type { ListedDataset } from './listing';
import { dataCacheFolder, requestPaths } from './requestPaths';
import type { SplitTable } from './table';

const fileSchema = z.object({ folders: z.array(z.string()) });

/** The file that keeps what a user allowed. */
export function allowedFoldersPath(): string {
  return join(envPaths('bag-of-tricks', { suffix: '' }).config, 'allowed-folders.json');
}

/** The folders that this user allowed, as real paths; none where the file is missing or damaged. */
export async function readAllowedFolders(): Promise<readonly string[]> {
  try {
    const parsed = fileSchema.safeParse(JSON.parse(await readFile(allowedFoldersPath(), 'utf8')));
    return parsed.success ? parsed.data.folders : [];
  } catch (error) {
    if (error instanceof SyntaxError || isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/**
 * Allows a folder, or a file, and all that is in it, for this user.
 *
 * @returns its real path
 * @throws UserError where there is no such folder; the file system's error where it cannot be kept
 */
export async function allowFolder(path: string): Promise<string> {
  const real = await realPathOf(resolve(path));
  if (!existsSync(real)) {
    throw new UserError({
      what: l10n.t('There is no folder {0}.', path),
      remedy: l10n.t('Check the path; it is taken from {0}.', process.cwd()),
    });
  }
  const folders = await readAllowedFolders();
  if (!folders.includes(real)) await write([...folders, real].sort());
  return real;
}

/**
 * Takes consent for a folder back.
 *
 * @throws UserError where it was not allowed
 */
export async function revokeFolder(path: string): Promise<string> {
  const folders = await readAllowedFolders();
  const [asWritten, real] = [resolve(path), await realPathOf(resolve(path))];
  const found = folders.find((folder) => folder === asWritten || folder === real);
  if (found === undefined) {
    throw new UserError({
      what: l10n.t('{0} is not an allowed folder.', path),
      remedy: l10n.t('List the folders that are: {0}', 'tricks allow'),
    });
  }
  await write(folders.filter((folder) => folder !== found));
  return found;
}

async function write(folders: readonly string[]): Promise<void> {
  const path = allowedFoldersPath();
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, `${JSON.stringify({ folders }, null, 2)}\n`);
}

/** Whether a path, links followed, is in one of some folders, which are real paths. */
async function isInAny(path: string, folders: readonly string[]): Promise<boolean> {
  const real = await realPathOf(path);
  return folders.some((folder) => isInside(real, folder));
}

/** Whether a path, links followed, is in `root` or in a folder that this user allowed. */
export async function isAllowed(path: string, root: string): Promise<boolean> {
  return isInAny(path, [await realPathOf(root), ...(await readAllowedFolders())]);
}

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

function quoted(path: string): string {
  return /^[\w./:\\@+-]+$/.test(path) ? path : `"${path}"`;
}
