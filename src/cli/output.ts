import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../shared/userError';
import { isSystemError } from '../system/errors';
import { replaceFile } from '../system/replaceFile';

/**
 * Checks that a file can be written under a name: nothing is there, or with `force` a file.
 *
 * @throws UserError
 */
export async function checkWritable(file: string, force: boolean): Promise<void> {
  const there = await stat(file).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return null;
    if (isSystemError(error, 'ENOTDIR')) throw noFolder(dirname(file));
    throw error;
  });
  if (there === null) return;
  if (there.isDirectory()) {
    throw new UserError({
      what: l10n.t('{0} is a folder.', file),
      remedy: l10n.t('Name a file in it.'),
    });
  }
  // Taking its name would replace it by a file, for every program.
  if (!there.isFile()) {
    throw new UserError({
      what: l10n.t('{0} is a device or a pipe, and no file.', file),
      remedy: l10n.t('Name a file.'),
    });
  }
  if (!force) {
    throw new UserError({
      what: l10n.t('{0} is there already.', file),
      remedy: l10n.t('Choose another name, or replace it with {0}.', '--force'),
    });
  }
}

/**
 * Writes a file whole or not at all, and the folders on its way.
 *
 * @throws UserError where one of these is a file, else the file system's error
 */
export async function writeOutput(file: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(file);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw isSystemError(error, 'EEXIST', 'ENOTDIR') ? noFolder(folder) : error;
  }
  await replaceFile(file, content);
}

function noFolder(path: string): UserError {
  return new UserError({
    what: l10n.t('{0} is not a folder.', path),
    remedy: l10n.t('Write to another one.'),
  });
}

/** A path as a command line takes it, quoted where a shell would split it or read more into it. */
export function quoted(path: string): string {
  if (/^[\w./:\\@+-]+$/.test(path)) return path;
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
