import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isSystemError } from '../../system/errors';
import { renameOver } from '../../system/renameOver';
import { enginesFolder, folderOfBefore, type NativeEngine } from '../installations';
import { remove } from './workFolder';

/** Removes an engine's managed installation. Returns whether there was one. */
export async function removeEngine(engine: NativeEngine, folder = enginesFolder()): Promise<boolean> {
  let existed = false;
  for (const place of [join(folder, engine), folderOfBefore(engine, folder)]) {
    const aside = join(folder, `.${engine}.removed-${randomUUID()}`);
    try {
      await renameOver(place, aside);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) continue;
      throw error;
    }
    existed = true;
    await remove(aside);
  }
  return existed;
}
