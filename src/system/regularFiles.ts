/**
 * Opens files that the user names, through any symbolic links, but only regular files. A pipe would make its reader
 * wait forever for a writer, and a device may have no end. Files in a store are opened more strictly.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';

/** Windows has neither this flag nor pipes among its files. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a regular file for reading without blocking.
 *
 * @throws UserError if it is a pipe, a socket or a device, or the file system's error, EISDIR for a folder
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, FLAGS);
  try {
    assertRegular(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Like `openRegular`. The caller closes the descriptor. */
export function openRegularSync(path: string): number {
  const file = openSync(path, FLAGS);
  try {
    assertRegular(path, fstatSync(file));
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Reads a regular file as bytes or, with an encoding, as text. Checks that it has at most `mostBytes` before reading.
 *
 * @throws as `openRegular`, and UserError if the file is larger
 */
export async function readRegular(path: string, encoding?: null, mostBytes?: number): Promise<Buffer>;
export async function readRegular(path: string, encoding: 'utf8', mostBytes?: number): Promise<string>;
export async function readRegular(
  path: string,
  encoding: 'utf8' | null = null,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<Buffer | string> {
  await using file = await openRegular(path);
  const { size } = await file.stat();
  if (size > mostBytes) throw tooLarge(path, size, mostBytes);
  return encoding ? file.readFile(encoding) : file.readFile();
}

/** Like `readRegular`, for a text. */
export function readRegularSync(path: string, mostBytes = Number.POSITIVE_INFINITY): string {
  const file = openRegularSync(path);
  try {
    const { size } = fstatSync(file);
    if (size > mostBytes) throw tooLarge(path, size, mostBytes);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function assertRegular(path: string, found: Stats): void {
  if (found.isFile()) return;
  if (found.isDirectory()) {
    const error = new Error(`EISDIR: illegal operation on a directory, read '${path}'`);
    throw Object.assign(error, { code: 'EISDIR', path });
  }
  throw new UserError({
    what: l10n.t('{0} is a device or a pipe, not a file.', path),
    remedy: l10n.t('Specify a file.'),
  });
}

function tooLarge(path: string, bytes: number, mostBytes: number): UserError {
  return new UserError({
    what: l10n.t('{0} is too large to read: {1} bytes. At most {2} are allowed.', path, bytes, mostBytes),
    remedy: l10n.t('Specify another file.'),
  });
}
