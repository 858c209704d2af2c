import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError } from '../../system/errors';
import { assertPlain, readPlain } from '../../system/plainFiles';
import { replaceFile } from '../../system/replaceFile';

/** Longer names are cut, because a name is shown in one row. */
const LONGEST_NAME = 100;

/**
 * Path of the file with the name that the user gave a run, in its folder. The name is not part of run.json, which the
 * trainer writes, so that a run can be renamed at any time.
 */
export const ownNamePath = (folder: string): string => join(folder, 'name');

/** The name that the user gave a run, or null if there is none or it is unreadable. */
export async function readOwnName(folder: string): Promise<string | null> {
  try {
    return nameIn(await readPlain(ownNamePath(folder), 'utf8'));
  } catch (error) {
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
    return null;
  }
}

/**
 * Sets a run's name. An empty name restores the experiment's name.
 *
 * @throws UserError if a symbolic link is in the way, or the file system's error
 */
export async function writeOwnName(folder: string, written: string): Promise<void> {
  const path = ownNamePath(folder);
  const name = nameIn(written);
  await assertPlain(path);
  if (name === null) await rm(path, { force: true });
  else await replaceFile(path, `${name}\n`);
}

function nameIn(text: string): string | null {
  const name = text.replace(/\s+/g, ' ').trim();
  return name === '' ? null : [...name].slice(0, LONGEST_NAME).join('');
}
