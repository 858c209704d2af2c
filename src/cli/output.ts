import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as l10n from '@vscode/l10n';
import { pathFrom } from '../datasets/requestPaths';
import { findStore } from '../runs/store';
import { UserError } from '../shared/userError';
import { quoted } from '../system/allowedFolders';
import { isSystemError } from '../system/errors';
import { replaceFile } from '../system/replaceFile';

/**
 * Checks that a file can be written at a path: there must be nothing, or with `force` at most a regular file.
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
      remedy: l10n.t('Specify a file in it.'),
    });
  }
  // Writing would replace the device or pipe with a regular file, for every program.
  if (!there.isFile()) {
    throw new UserError({
      what: l10n.t('{0} is a device or a pipe, not a file.', file),
      remedy: l10n.t('Specify a file.'),
    });
  }
  if (!force) {
    throw new UserError({
      what: l10n.t('{0} already exists.', file),
      remedy: l10n.t('Choose another name, or overwrite it with {0}.', '--force'),
    });
  }
}

/**
 * Writes a file atomically and creates its parent folders.
 *
 * @throws UserError if a parent is a file, otherwise the file system's error
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
    remedy: l10n.t('Write to another folder.'),
  });
}

/**
 * Formats commands about the runs and studies of `root` for use in the working directory. Adds `--folder` if they would
 * look elsewhere.
 */
export async function commandsAt(root: string): Promise<(command: string) => string> {
  const here = process.cwd();
  const option = (await findStore(here)) === root ? '' : ` --folder ${quoted(pathFrom(here, root))}`;
  return (command) => `${command}${option}`;
}
