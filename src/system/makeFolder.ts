import { mkdir } from 'node:fs/promises';
import { isSystemError } from './errors';

/**
 * Makes a folder where there is none, without those above it: one that went away must not come back.
 *
 * @throws the file system's error, ENOENT where there is no folder above it
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
}
