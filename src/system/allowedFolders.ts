/**
 * The folders outside of a workspace that a user has allowed: for data to be read, and for stores to be kept in. What is
 * allowed is kept per user, out of reach of any workspace.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as l10n from '@vscode/l10n';
import envPaths from 'env-paths';
import { z } from 'zod';
import { UserError } from '../shared/userError';
import { isSystemError } from './errors';
import { isInside, realPathOf } from './insideFolder';
import { replaceFile } from './replaceFile';

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
export async function isInAny(path: string, folders: readonly string[]): Promise<boolean> {
  const real = await realPathOf(path);
  return folders.some((folder) => isInside(real, folder));
}

/** Whether a path, links followed, is in `root` or in a folder that this user allowed. */
export async function isAllowed(path: string, root: string): Promise<boolean> {
  return isInAny(path, [await realPathOf(root), ...(await readAllowedFolders())]);
}

/** A path as a word of a command line. */
export function quoted(path: string): string {
  return /^[\w./:\\@+-]+$/.test(path) ? path : `"${path}"`;
}
