/**
 * The folders outside a workspace that a user has allowed: for reading data and for keeping stores. Consent is stored
 * per user, out of reach of any workspace.
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

/** Path of the file with the user's allowed folders. */
export function allowedFoldersPath(): string {
  return join(envPaths('bag-of-tricks', { suffix: '' }).config, 'allowed-folders.json');
}

/** The real paths of the folders that this user allowed. Empty if the file is missing or damaged. */
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
 * Allows a file, or a folder with all its contents, for this user.
 *
 * @returns its real path
 * @throws UserError if there is no such folder, or the file system's error if the consent cannot be saved
 */
export async function allowFolder(path: string): Promise<string> {
  const real = await realPathOf(resolve(path));
  if (!existsSync(real)) {
    throw new UserError({
      what: l10n.t('The folder {0} does not exist.', path),
      remedy: l10n.t('Check the path. It is relative to {0}.', process.cwd()),
    });
  }
  const folders = await readAllowedFolders();
  if (!folders.includes(real)) await write([...folders, real].sort());
  return real;
}

/**
 * Revokes the consent for a folder.
 *
 * @throws UserError if it was not allowed
 */
export async function revokeFolder(path: string): Promise<string> {
  const folders = await readAllowedFolders();
  const [asWritten, real] = [resolve(path), await realPathOf(resolve(path))];
  const found = folders.find((folder) => folder === asWritten || folder === real);
  if (found === undefined) {
    throw new UserError({
      what: l10n.t('{0} is not an allowed folder.', path),
      remedy: l10n.t('List the allowed folders: {0}', 'tricks allow'),
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

/** Whether a path, after resolving symbolic links, is inside one of the given folders, which are real paths. */
export async function isInAny(path: string, folders: readonly string[]): Promise<boolean> {
  const real = await realPathOf(path);
  return folders.some((folder) => isInside(real, folder));
}

/** Whether a path, after resolving symbolic links, is inside `root` or inside a folder that this user allowed. */
export async function isAllowed(path: string, root: string): Promise<boolean> {
  return isInAny(path, [await realPathOf(root), ...(await readAllowedFolders())]);
}

/** Formats a path for the command line. Quotes it if a shell would split or interpret it. */
export function quoted(path: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w./:\\@+][\w./:\\@+=-]*$/.test(path)) return path;
  return platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
