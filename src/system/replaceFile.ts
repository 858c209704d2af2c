import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { assertPlainFolders } from './plainFiles';
import { renameOver } from './renameOver';

/**
 * Replaces a file's content atomically: writes a temporary file next to it, syncs it to disk and renames it.
 *
 * A symbolic link at the path is replaced and not followed. A link at a folder of the store above it is refused.
 *
 * Does not use write-file-atomic, which accepts a write that a full disk cut short.
 *
 * @param beforeTakingName called when the new content is safe on disk and the old one is still in place
 * @param temporary the temporary file's path, which no one else may use
 * @throws the file system's error with the file's path. The old content remains.
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
