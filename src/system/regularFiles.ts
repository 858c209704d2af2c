/**
 * Files that a person names, by whatever links: opened where they are regular files alone. A pipe would keep its reader
 * waiting for a writer, for ever, and a device may have no end. What lies in a store is opened more strictly.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';

/** Windows has no such flag, nor pipes among its files. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a regular file to be read, without waiting.
 *
 * @throws UserError where it is a pipe, a socket or a device; the file system's error, EISDIR of a folder
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

/** As `openRegular`; the descriptor is the caller's to close. */
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
 * A regular file's content, as bytes or, with an encoding, as text; of no more than `mostBytes`, which are looked at
 * before anything is read.
 *
 * @throws as `openRegular`; UserError where it is larger
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

/** As `readRegular`, of a text. */
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
    what: l10n.t('{0} is a device or a pipe, and no file.', path),
    remedy: l10n.t('Name a file.'),
  });
}

function tooLarge(path: string, bytes: number, mostBytes: number): UserError {
  return new UserError({
    what: l10n.t('{0} is larger than what is read: {1} bytes of at most {2}.', path, bytes, mostBytes),
    remedy: l10n.t('Name another file.'),
  });
}
