import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSystemError } from './errors';
import { assertStoreAllowed } from './storeConsent';
import { STORE_FOLDER } from './storeName';

/**
 * Makes a folder of the store of `root`, and the store with it.
 *
 * @throws UserError where the store is a link that needs consent; the file system's error
 */
export async function makeStoreFolder(root: string, folder: string): Promise<void> {
  await assertStoreAllowed(root);
  await mkdir(folder, { recursive: true });
  try {
    // What is in it is large and reproducible: it stays out of a person's repository unless asked in.
    await writeFile(join(root, STORE_FOLDER, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
}

/** The folder whose store a run lies in: that of `<root>/.bag-of-tricks/runs/<id>`. */
export function storeRootOf(runFolder: string): string {
  return resolve(runFolder, '../../..');
}
