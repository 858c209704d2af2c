/**
 * Opens regular files that are not reached through a symbolic link. Content of a store may have come with someone
 * else's workspace. A link or a pipe in it could make this program write outside the store or wait forever.
 *
 * A link at the store itself is different: `storeConsent.ts` asks the user about it.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { isSystemError } from './errors';
import { STORE_FOLDER } from './storeName';

/** Windows has neither flag, so there the path is checked before it is opened. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

const FLAGS = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  /** Reads and writes at any position. Creates the file if there is none. */
  update: constants.O_RDWR | constants.O_CREAT,
  a: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
} as const;
type Flags = keyof typeof FLAGS;

/**
 * Opens a regular file without following symbolic links, neither at its own name nor at a folder of the store above it.
 *
 * @throws UserError if there is a link or something other than a file, or the file system's error
 */
export async function openPlain(path: string, flags: Flags = 'r'): Promise<FileHandle> {
  await assertPlainFolders(path);
  await assertPlainIfThere(path);
  const file = await open(path, FLAGS[flags] | O_NOFOLLOW | O_NONBLOCK).catch(onOpenError(path));
  try {
    assertIsFile(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Like `openPlain`. The caller closes the descriptor. */
export function openPlainSync(path: string, flags: Flags = 'r'): number {
  for (const folder of foldersOf(path)) assertIsFolder(folder, statsSync(folder));
  const before = statsSync(path);
  if (before) assertIsFile(path, before);
  let file: number;
  try {
    file = openSync(path, FLAGS[flags] | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    return onOpenError(path)(error);
  }
  try {
    assertIsFile(path, fstatSync(file));
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Reads a plain file as bytes or, with an encoding, as text. Throws like `openPlain`. */
export async function readPlain(path: string): Promise<Buffer>;
export async function readPlain(path: string, encoding: 'utf8'): Promise<string>;
export async function readPlain(path: string, encoding?: 'utf8'): Promise<Buffer | string> {
  await using file = await openPlain(path);
  return encoding ? file.readFile(encoding) : file.readFile();
}

/** Creates a folder if there is none, without its parents. Throws UserError if a symbolic link has its name. */
export async function makePlainFolder(path: string): Promise<void> {
  await assertPlainFolders(path);
  try {
    await mkdir(path);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
    assertIsFolder(path, await stats(path));
  }
}

/**
 * Checks that no folder of the store above a path is a symbolic link. Ignores missing folders.
 *
 * @throws UserError
 */
export async function assertPlainFolders(path: string): Promise<void> {
  for (const folder of foldersOf(path)) assertIsFolder(folder, await stats(folder));
}

/** @throws UserError if a path, or a folder of the store above it, is a symbolic link or not a regular file */
export async function assertPlain(path: string): Promise<void> {
  await assertPlainFolders(path);
  await assertPlainIfThere(path);
}

async function assertPlainIfThere(path: string): Promise<void> {
  const before = await stats(path);
  if (before) assertIsFile(path, before);
}

/** The folders above a path, below the store's `runs` or `datasets`. Empty for a path outside a store. */
function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (isStorePart(folder)) return folders;
    folders.push(folder);
  }
  return [];
}

/** Whether a folder is a store or a part of one, such as `runs` or `datasets`. */
function isStorePart(folder: string): boolean {
  return basename(folder) === STORE_FOLDER || basename(dirname(folder)) === STORE_FOLDER;
}

function stats(path: string): Promise<Stats | null> {
  return lstat(path).catch(onMissing);
}

function statsSync(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    return onMissing(error);
  }
}

function onMissing(error: unknown): null {
  if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
  throw error;
}

/** Reports a symbolic link at the path itself as a link. */
function onOpenError(path: string): (error: unknown) => never {
  return (error) => {
    if (isSystemError(error, 'ELOOP', 'EMLINK')) throw linkError(path);
    throw error;
  };
}

function assertIsFile(path: string, found: Stats): void {
  if (found.isSymbolicLink()) throw linkError(path);
  if (found.isDirectory()) throw Object.assign(new Error(`EISDIR: ${path}`), { code: 'EISDIR', path });
  // A device outside a store is intentional, such as /dev/null for a log.
  if (!found.isFile() && !(found.isCharacterDevice() && foldersOf(path).length === 0)) {
    throw new UserError({
      what: l10n.t('{0} is not a regular file.', path),
      remedy: l10n.t('Delete it, unless it is yours: a run contains only files and folders.'),
    });
  }
}

function assertIsFolder(path: string, found: Stats | null): void {
  if (found?.isSymbolicLink()) throw linkError(path);
}

function linkError(path: string): UserError {
  return new UserError({
    what: l10n.t(
      '{0} is a link. Links inside a run are not followed because they may lead to files outside it.',
      path,
    ),
    remedy: l10n.t('Replace it with its target, or delete it.'),
  });
}
