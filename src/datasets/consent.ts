/**
 * Consent to read data outside the folder that holds the runs. An experiment file that comes from elsewhere could name
 * any folder of a person's; so each is read only once its person has allowed it. What is allowed is kept per user.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import { z } from 'zod';
import type { OwnDatasetRequest } from '../recipe/datasets';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { isInside, realPathOf } from '../system/insideFolder';
import { replaceFile } from '../system/replaceFile';
import { requestPaths } from './requestPaths';

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
  for (const path of requestPaths(request, folder)) {
    const real = await realPathOf(path);
    if (!(await isInAny(real, allowed)) && !needed.includes(real)) needed.push(real);
  }
  return needed;
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

function quoted(path: string): string {
  return /^[\w./:\\@+-]+$/.test(path) ? path : `"${path}"`;
}
