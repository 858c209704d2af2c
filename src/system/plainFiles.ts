/**
 * Files and folders that are what they seem: regular files reached through no link. What lies in a store may have come with
 * somebody else's workspace, and a link or a pipe in it would have this program write outside of it, or wait for ever.
 *
 * A link at the store itself is another matter, which a person is asked about: `storeConsent.ts`.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { isSystemError } from './errors';
import { STORE_FOLDER } from './storeName';

/** Windows has none: there the path is looked at before it is opened. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

const FLAGS = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  /** Reads and writes at any position, and makes the file where there is none. */
  update: constants.O_RDWR | constants.O_CREAT,
  a: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
} as const;
type Flags = keyof typeof FLAGS;

/**
 * Opens a regular file, following no link: neither at its own name nor at a folder of the store above it.
 *
 * @throws UserError where there is a link or something else than a file; the file system's error
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

/** As `openPlain`; the descriptor is the caller's to close. */
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

/** A plain file's content, as bytes or, with an encoding, as text. Throws as `openPlain`. */
export async function readPlain(path: string): Promise<Buffer>;
export async function readPlain(path: string, encoding: 'utf8'): Promise<string>;
export async function readPlain(path: string, encoding?: 'utf8'): Promise<Buffer | string> {
  await using file = await openPlain(path);
  return encoding ? file.readFile(encoding) : file.readFile();
}

/** Makes a folder where there is none, without those above it. Throws UserError where a link has its name. */
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
 * Sees that no folder of the store above a path is a link; what is not there is none.
 *
 * @throws UserError
 */
export async function assertPlainFolders(path: string): Promise<void> {
  for (const folder of foldersOf(path)) assertIsFolder(folder, await stats(folder));
}

/** @throws UserError where a path, or a folder of the store above it, is a link or no regular file */
export async function assertPlain(path: string): Promise<void> {
  await assertPlainFolders(path);
  await assertPlainIfThere(path);
}

async function assertPlainIfThere(path: string): Promise<void> {
  const before = await stats(path);
  if (before) assertIsFile(path, before);
}

/** The folders above a path, below the store's `runs` or `datasets`; none for a path that is in no store. */
function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (isStorePart(folder)) return folders;
    folders.push(folder);
  }
  return [];
}

/** Whether a folder is a store, or its `runs`, `datasets` or another such part. */
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

/** A link at the path itself is named as one. */
function onOpenError(path: string): (error: unknown) => never {
  return (error) => {
    if (isSystemError(error, 'ELOOP', 'EMLINK')) throw linkError(path);
    throw error;
  };
}

function assertIsFile(path: string, found: Stats): void {
  if (found.isSymbolicLink()) throw linkError(path);
  if (found.isDirectory()) throw Object.assign(new Error(`EISDIR: ${path}`), { code: 'EISDIR', path });
  // Whoever names a device outside of a store, such as /dev/null for a log, means it.
  if (!found.isFile() && !(found.isCharacterDevice() && foldersOf(path).length === 0)) {
    throw new UserError({
      what: l10n.t('{0} is no regular file.', path),
      remedy: l10n.t('Delete it, unless it is yours: a run has files and folders alone.'),
    });
  }
}

function assertIsFolder(path: string, found: Stats | null): void {
  if (found?.isSymbolicLink()) throw linkError(path);
}

function linkError(path: string): UserError {
  return new UserError({
    what: l10n.t(
      '{0} is a link. Within a run no link is followed, since it may lead to files outside of it.',
      path,
    ),
    remedy: l10n.t('Put what it leads to in its place, or delete it.'),
  });
}
