import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSystemError } from './errors';
import { assertStoreAllowed } from './storeConsent';
import { STORE_FOLDER } from './storeName';

/**
 * Creates a folder in the store of `root`, and the store if necessary.
 *
 * @throws UserError if the store is a symbolic link that needs consent, or the file system's error
 */
export async function makeStoreFolder(root: string, folder: string): Promise<void> {
  await assertStoreAllowed(root);
  await mkdir(folder, { recursive: true });
  try {
    // The store is large and reproducible. Keep it out of the user's repository by default.
    await writeFile(join(root, STORE_FOLDER, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error;
  }
}

/** The folder that contains the store of a run: `<root>` for `<root>/.bag-of-tricks/runs/<id>`. */
export function storeRootOf(runFolder: string): string {
  return resolve(runFolder, '../../..');
}
