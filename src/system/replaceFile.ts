import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { assertPlainFolders } from './plainFiles';
import { renameOver } from './renameOver';

/**
 * Gives a file new content, whole or not at all: it goes to a temporary file beside it, is synced to the disk,
 * and then takes the name.
 *
 * A link at the path is replaced and not followed; one at a folder of the store above it is refused.
 *
 * Not by write-file-atomic, which takes a write that a full disk cut short for a whole one.
 *
 * @param beforeTakingName done once the new content is safe on the disk and the old one still there
 * @param temporary the temporary file's path, which nobody else may use
 * @throws the file system's error, with the file's path, after which the old content stands
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  beforeTakingName: () => Promise<void> = async () => {},
  temporary: string = `${path}.${randomUUID()}.tmp`,
): Promise<void> {
  await assertPlainFolders(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeTakingName();
    await renameOver(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw Object.assign(error as Error, { path });
  }
}
